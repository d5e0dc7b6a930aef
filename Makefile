# `make demo` shows Mailward at work, `make test` tests it; both set up what they need in .venv and ask nothing else of you.
# PYTHON=python3.13 picks another Python; SYSTEM=1 lets `make test` install the servers and clients that the e2e tests use.

PYTHON ?= python3
UV     ?= uv
VENV   := .venv
BIN    := $(VENV)/bin
LOCKED := build runtime data test fuzz
ALONE  := sslyze
CODE   := gateway policy tls tests bench hatch_build.py
SETUP  := contrib/setup
TABLES := policy/phi/data/build.py
MAIL   := $(wildcard policy/phi/*.py policy/phi/learned/*.py policy/phi/data/*.py policy/phi/data/*.txt policy/phi/data/mail/*.txt)

# dkimpy and PGPy come as source only: their build tools are locked, installed first and found on PATH.
PIP     := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL := $(PIP) --require-hashes --no-build-isolation

# A test run starts Python some hundred times and reads the same files each time: compiled once, also where a container
# switches that off.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: demo test quick lint bench eval defences fuzz lock clean system

demo: $(VENV)/.model
	$(BIN)/mailward demo

test: $(VENV)/.test system  # in the order of their collection, which has the long ones first
	$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

quick: $(VENV)/.test  # one worker more than cores: some tests wait
	$(BIN)/python -m pytest -q -m "not slow and not e2e" --ignore=tests/e2e -n $$(($$(nproc) + 1)) --dist loadscope

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers auto $(CODE)
	$(BIN)/lint-imports

bench: $(VENV)/.test system
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.intake
	$(BIN)/python -m bench.queue
	$(BIN)/python -m bench.delivering
	$(BIN)/python -m bench.protect
	$(BIN)/python -m bench.classifying

# Recall and false positives of the classifier on our own labelled messages, and on a folder of others: CORPUS=folder.
CORPUS ?=
eval: $(VENV)/.test
	$(BIN)/python -m bench.evaluate $(CORPUS)

# Fuzzes each parser of bytes from outside for so many seconds; inputs worth keeping, and those that break an invariant,
# stay in .fuzz/ for the next time. TARGETS="data session" picks some.
SECONDS_EACH ?= 60
TARGETS      ?=
fuzz: $(VENV)/.test
	nice $(BIN)/python -m tests.fuzz.drive -max_total_time=$(SECONDS_EACH) --keep=.fuzz $(TARGETS)

# Takes each defence of the intake out of a copy of the tree: its tests must fail. CASES="SM RX-09" for some of them.
defences: $(VENV)/.test
	$(BIN)/python -m tests.defences.run --parallel 2 $(CASES)

# Resolves pyproject.toml anew. The files hold versions and hashes, never the address of a package index.
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or UV=/path/to/uv" >&2; exit 1; }
	UV=$(UV) sh $(SETUP)/lock.sh $(LOCKED)
	UV=$(UV) sh $(SETUP)/lock.sh $(ALONE)

clean:
	rm -rf $(VENV) $(VENV).tmp build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .fuzz
	rm -f policy/phi/data/*.tsv.gz

# A sysadmin's own mail server must not be replaced by a test run: only CI and those who ask get system packages.
system:
ifneq (,$(filter true,$(CI))$(filter 1,$(SYSTEM)))
	sh $(SETUP)/system-packages.sh
endif

# --- the virtual environment: each stamp is touched last, so an interrupted step runs again --------------------------

$(VENV)/.made: requirements/build.txt $(SETUP)/venv.sh
	@echo "Making $(VENV) ..."
	@PYTHON="$(PYTHON)" VENV=$(VENV) sh $(SETUP)/venv.sh
	@$(INSTALL) -r requirements/build.txt
	@rm -f $(VENV)/.unfinished
	@touch $@

$(VENV)/.runtime: $(VENV)/.made requirements/runtime.txt requirements/data.txt pyproject.toml hatch_build.py $(TABLES)
	@echo "Installing what Mailward runs on ..."
	@$(INSTALL) -r requirements/runtime.txt
	@$(INSTALL) -r requirements/data.txt
	@echo "Compacting the health vocabulary ..."
	@$(BIN)/python -m policy.phi.data.build
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The model knows what the rules find in the mail it is trained on: with them, it is trained anew.
$(VENV)/.model: $(VENV)/.runtime $(MAIL)
	@echo "Training the model beside the rules ..."
	@$(BIN)/python -m policy.phi.data.learn
	@touch $@

$(VENV)/.test: $(VENV)/.runtime requirements/test.txt requirements/fuzz.txt | $(VENV)/.model
	@echo "Installing what the tests run on ..."
	@$(INSTALL) -r requirements/test.txt -r requirements/fuzz.txt
	@touch $@
