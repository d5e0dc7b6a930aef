"""Build the compact vocabulary tables: `python -m policy.phi.data.build [FOLDER]`.

Reads the data files of three packages that need not be there at run time, and writes `diagnoses.tsv.gz`,
`drugs.tsv.gz`, `given.tsv.gz` and `family.tsv.gz`: gzip of UTF-8 lines "weight<TAB>term", terms in lower case, sorted,
so that the same packages give the same bytes. Uses the standard library only and runs no code of the packages;
unpickling the drug dictionary allows nothing but plain containers.
"""

import bz2
import gzip
import importlib.util
import io
import pickle
import re
import sys
import xml.etree.ElementTree as ElementTree  # reads a file of an installed, hash-locked package
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_ICD_PACKAGE = "simple_icd_10_cm"
_DRUG_PACKAGE = "drug_named_entity_recognition"
_NAME_PACKAGE = "names"  # the lists of names of the US Census of 1990
_COMMON_SURNAMES = 5_000  # of 88,799: so many are surnames whatever stands beside them
# Given names of the census that are plain English, months or parts of surnames in mail.
_NOT_GIVEN = frozenset(
    """
    ai aide al am ami an ara aura bee bell berry bethel bok bong brain brook buck bud buddy bunny candy chi chin
    china conception concha coral curt del delta desire dia dimple dixie do don dong dot easter echo el else era eve
    fae fairy fawn forest gala gale garnet garth german golden ha han harmony herb honey hue in is ivory jewel ka
    kam king kit kizzy kum la lady lai lan le lean liberty lien loan loma long lore lou love ma mac magnolia man
    mana manual many mao maple maris may mercy merry meta mi mica min mina miss moon mora my na nada nana no noble
    nova nu nubia oda on or pa page palma pandora pansy pasty patience patria pearly porsha prince princess prudence
    queen raven rea ria rob rocky rod romaine rosy royal russel rusty sage sang santos scotch season see sha shin
    sid silver so sol song sook soon sparkle spring star sterling stormy su sun sung sunny sunshine ta tad tai tam
    temple tequila tiara tien tiny tod toi tora tu un van velvet wan wes willow windy winter yen yer yon
    """.split()
)

# Chapters whose words describe health; the rest (external causes V-Y, counselling and circumstances Z) describe life.
_CHAPTERS = frozenset(str(number) for number in range(1, 20))
_NOISE = re.compile(
    r"\([^()]*\)|\[[^\[\]]*\]|\bnot elsewhere classified\b|\bunspecified\b|\bother specified\b|\bnec\b|\bnos\b"
    r"|\b(?:initial|subsequent) encounter\b|\bsequela\b|\bin diseases classified elsewhere\b|\bclassified elsewhere\b"
)
_SPLIT = re.compile(
    r",| without | due to | with | and other | of unknown | in other | affecting | following | caused by | during | or "
    r"| associated | not | as | for |;|:"
)
_LEADING = re.compile(
    r"^(?:other|certain|and|or|the|a|an|any|of|in|by|with|to|specified|single|sporadic|recurrent|status|type)\s+"
)
_MEDICAL_END = re.compile(
    r"(?:itis|osis|oses|emia|aemia|oma|omas|opathy|pathies|algia|plegia|paresis|phobia|uria|orrhea|rrhage"
    r"|ectasis|penia|philia"
    r"|trophy|plasia|sclerosis|megaly|malacia|dynia|esthesia|kinesia|phagia|phasia|opia|cele|lithiasis"
    r"|iasis|philis|lepsy"
    r"|betes|asthma|cancer|stroke|syndrome|disease|disorder|disorders|anemia|fever|infection|ulcer|ulcers"
    r"|fracture|hernia"
    r"|carcinoma|neoplasm|tumor|abscess|palsy|dystrophy|deficiency|insufficiency|failure|embolism"
    r"|thrombosis|hypertension"
    r"|hypotension|injury|dislocation|sprain|laceration|contusion|burn|poisoning|overdose|dependence|abuse|psychosis"
    r"|schizophrenia|depression|dementia|autism|pregnancy|abortion|miscarriage|eclampsia|labor|stenosis|obstruction"
    r"|prolapse|perforation|hemorrhage|bleeding|cyst|polyp|calculus|stones?|pain|edema|effusion|pneumonia|influenza"
    r"|tuberculosis|hepatitis|hiv|arrest|infarction|ischemia|angina|arrhythmia|fibrillation|flutter"
    r"|tachycardia|bradycardia"
    r"|murmur|aneurysm|dissection|gangrene|sepsis|shock|coma|syncope|seizure|seizures|epilepsy|migraine"
    r"|headache|vertigo"
    r"|tinnitus|deafness|blindness|glaucoma|cataract|malformation|anomaly|defect|lesion|mass|nodule|rash"
    r"|pruritus|urticaria"
    r"|gout|lupus|scurvy|rickets|goiter|cretinism|obesity|malnutrition|dehydration|acidosis|alkalosis)$"
)
_TERM = re.compile(r"^[a-z][a-z0-9'+/. -]{3,60}$")
# Terms that pass the shape above and are ordinary English all the same.
_COMMON = frozenset(
    "critical mass|body mass|land mass|contact burn|child labor|labor|fever|pain|mass|burn|injury|defect|failure"
    "|arrest|shock|dissection|depression|abuse|dependence|rash|stone|stones|perforation|obstruction|infection|disease|disorder|disorders"
    "|syndrome|poisoning|deficiency|insufficiency|anomaly|lesion|cyst|coma|diathesis|diagnosis|hypothesis|atrophy|hypertrophy"
    "|aroma|diploma|phobia|soma|roma|coma|hoses|noses|roses|doses|poses|loses|closes|chooses|purposes|osmosis|prognosis"
    "|metamorphosis|symbiosis|utopia|myopia|curia|canopia|genesis|obstruction|effusion|hoarseness|mania|academia".split(
        "|"
    )
)

_DRUG = re.compile(r"^[a-z][a-z0-9-]{4,30}(?: [a-z][a-z0-9-]{2,20}){0,2}$")
# Entries of the drug dictionary that are food, elements, household words, first names, places or plain English.
_NOT_DRUGS = frozenset(
    """
    acid acids active adapt adult advance advantage agent alcohol alert align alive allow almond alpha amaze ammonia
    amount angel answer apple april arena argon arise arrow aspire assure atlas august aura avail avocado award
    balance balsam banana barley basil basis bayer beads bean beans beauty beeswax benefit beta better beyond biotin
    black blend block blood bloom blue board body bonus boost borax boron bottle brain bread break breathe bridge
    bright bromine brown bubble butter cactus calm camel camphor candy capital carbon care careone carrot cashew
    cedar celery center central certain chalk challenge champion change charcoal charge cheese cherry chicken
    chlorine chocolate choice chrome cinnamon citrus clarity classic clean clear clinic clove cloud clover cobalt
    cocoa coconut code coffee colder colors comfort command common compact complete compound concept confirm connect
    contact control copper coral core corn corona cosmos cotton cough courage cover cream crystal cucumber cumin
    curcumin curve daily dance dandelion daylight defense delight delta derma design detail diamond diesel digest
    direct disco divine dolphin double dragon drive duet dynamic eagle early earth ease easy echo eden effect egg
    elder elegance element elite emerald empire endure energy enhance ensure entire equal equate escape essence
    estate ethanol ethyl eucalyptus ever exact excel exchange extend extra fair family fantasy fennel fiber fire
    first flame flax flora flour fluor fluorine focus force formal formula forte fortune forward fresh frontier
    fruit fusion galaxy garden garlic gas gelatin general generation genesis gentle giant ginger ginseng glass glory
    gloss glow glucose glue gold golden grace grain grape graphite gravity green grape guard guide halo harmony
    harvest health heart heat helium hello help herb hero home honey hope horizon hydrogen ice icon ideal image
    impact impulse indigo infant infinity ink inspire instant insure intact intense invest iodine iron island ivory
    ivy jade jasmine jelly jet joint joy juice jupiter justice keep kiwi krypton label lactose lady lake lanolin
    lavender laser latex lead leader leaf lecithin legacy lemon lemonade level liberty library life light lily lime
    linen lion liquid lithium live liver logic lotion lotus love lucky lumen luna lycra lysine magic magnet maize
    malt mango maple marathon marine mars master match matrix max maximum mature mead meadow medal medical medicine
    melon menthol mentor mercury merit metal methane micro milk millet mineral mint miracle mirage mirror mobile
    modern moment moon morning mother motion mountain muscle mushroom mustard mystic natural nature neon nectar nero
    network neutral new nickel night nitrogen noble nova novel oasis oat oats ocean octane oil olive omega onion
    opal optic optimum option oral orange orbit oregano organic origin oxygen oyster pacific panda paper paprika
    paradise paraffin parsley partner passion patch patrol peach peanut pear pearl peas pecan pepper perfect perform
    phosphorus pilot pine pineapple pink plan planet plastic platinum plum plus point polar pollen polo poppy
    potassium potato power precise premium present press prime prince principal prism private prize probe process
    product profile profit program progress project promise protect protein proton proud provide public pulse
    pumpkin pure purple quartz quick quinoa radar radium radon rainbow raisin rapid rational ray reach reaction
    ready real rebel record recover red reflex refresh regain regular relax release relief relive remedy renew
    rescue reserve resin resolve respond response restore result retain revive rhythm rice right rise river rocket
    rose rosemary royal rubber ruby rush saffron sage salmon salt salute sand sapphire satin saturn save science
    screen seal secret secure select selenium senior sense sensitive serum sesame shield shrimp silica silicon silk
    silver simple simply sleep slim smart smile smoke smooth soap soda sodium soft soil solar solid solo solution
    sonic soothe soy soybean spark spectrum speed spice spinach spirit spring spruce squash standard star starch
    start steam steel stellar sterile still stop storm strawberry strength stress strike strong style sucrose sugar
    sulfur sulphur summer summit sunflower sunlight sunrise sunshine super superior support supreme sure surface
    swift swim symbol synergy system talc tape target taste tea team tempo tender terra theme thyme tiger time titan
    titanium tobacco today tomato tonic total touch tower trace track tradition transfer transform transparent
    travel trial tribute trident trinity triumph tropical true trust tulip tuna tungsten turkey turmeric twist
    ultimate ultra unicorn union unique unison unity universal urea vanguard vanilla vantage velvet venture venus
    verbena victory vigor vinegar violet virtue vision vista vital vitality vitamin vitamins vivid volt voyage
    walnut warm wash water wave wax wheat whey white wild willow wind wine winner winter wisdom wonder wood wool
    worm xenon yeast yellow yogurt young zebra zest zinc zone acetate acetone activated air albumin alum aluminum
    amber analysis aqua arginine aspect assist barium bismuth brush caffeine calcium calcium carbonate cat castor
    clay cod cola cow dog dust duck feather glycerin glycine gum histamine histidine hormone horse house influenza
    isopropyl alcohol kit lactic acid magnesium mold mouse nicotine nitrate nitrous oxide nutmeg oak palm patient
    petroleum phosphate pig plasma poison pollen pork powder propane propylene glycol ragweed rye sheep shellfish
    silicone spray stearic acid sulfate sunscreen syrup tablet toothpaste vehicle virus wasp weed whole blood amine
    amines insight access alexa anna carmen diana gloria julia laura maria marina martina monica nina olivia regina
    sandra sonia stella valeria vera victoria viola vivian yasmin arcadia regional diverse premier nuvo trilogy
    encounter novo pioneer resident review remodel report reset resource restaurant retail return revenue safety
    sanctuary standing statement status step story student subject symphony technical tennis thermal thunder ticket
    tiffany train translation treasure treatment triangle tribal update upgrade urban velocity version vessel video
    village visual voice volume warrior wedding welcome window women world yards crisp facet field fields stage
    stride sugars proteins lipids enzyme enzymes antigen antibody antibodies peptide hormones vaccine vaccines
    placebo fluoride chloride insulin-like receptor receptors inhibitor inhibitors ligand ligands agonist antagonist
    amino-acid
    angelica armin boldo buffers camila cerna generics indicators kendrick rhein
    """.split()
)


def main(arguments: list[str]) -> int:
    """Write both tables into the folder given, or beside this file; exit status 1 when a package is missing."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent
    try:
        diagnoses = dict(diagnosis_terms(_package(_ICD_PACKAGE)))
        drugs = dict.fromkeys(drug_terms(_package(_DRUG_PACKAGE)), 0.7)
        given, family = names(_package(_NAME_PACKAGE))
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"{missing}; install the packages that requirements/data.txt names\n")
        return 1
    for name, table in (("diagnoses", diagnoses), ("drugs", drugs), ("given", given), ("family", family)):
        _write(folder / f"{name}.tsv.gz", table)
        sys.stdout.write(f"{name}: {len(table)} terms\n")
    return 0


def diagnosis_terms(package: Path) -> Iterator[tuple[str, float]]:
    """Yield (term, weight) for the wordings of ICD-10-CM, and (category code, 0.0) such as ("e11", 0.0).

    package: folder of `simple-icd-10-cm`.
    """
    (tabular,) = sorted((package / "data").glob("icd10c-tabular-*.xml"))[-1:]
    root = ElementTree.parse(tabular).getroot()  # noqa: S314 - see the import
    for chapter in root.iter("chapter"):
        searchable = chapter.findtext("name") in _CHAPTERS
        for diagnosis in chapter.iter("diag"):
            code = diagnosis.findtext("name") or ""
            if len(code) == 3:
                yield code.lower(), 0.0
            if searchable:
                notes = (element.text or "" for element in diagnosis.iterfind("./inclusionTerm/note"))
                for wording in (diagnosis.findtext("desc") or "", *notes):
                    yield from ((term, 0.8) for term in spoken_forms(wording))


def spoken_forms(wording: str) -> Iterator[str]:
    """Yield what people would write for a wording of the classification.

    "Type 2 diabetes mellitus without complications" gives "type 2 diabetes mellitus" and "diabetes mellitus".
    """
    cleaned = " ".join(_NOISE.sub(" ", wording.lower()).split())
    for piece in (cleaned, *_SPLIT.split(cleaned)):
        term = piece.strip(" .-'")
        while (shorter := _LEADING.sub("", term)) != term:
            term = shorter
        words = term.split()
        for candidate in (term, " ".join(words[1:]), " ".join(words[-2:])):
            if _is_term(candidate):
                yield candidate


def _is_term(term: str) -> bool:
    words = term.split()
    if not words or len(words) > 5 or term in _COMMON or not _TERM.match(term):
        return False
    return bool(_MEDICAL_END.search(words[-1])) and words[0] not in {
        "of",
        "in",
        "and",
        "or",
        "by",
        "with",
        "the",
        "to",
        "on",
    }


def drug_terms(package: Path) -> Iterator[str]:
    """Yield generic and brand names a text can be searched for.

    package: folder of `drug-named-entity-recognition`. Left out: one-word entries that are plain English, names with
    more than three words, and whatever is a chemical formula rather than a name somebody writes.
    """
    with bz2.open(package / "drug_ner_dictionary.pkl.bz2") as packed:
        dictionary: Mapping[str, Mapping[str, Any]] = _PlainUnpickler(packed).load()
    names: Iterable[str] = dictionary["drug_variant_to_canonical"]
    for name in names:
        if _DRUG.match(name) and not any(word in _NOT_DRUGS for word in (name, name.split()[0])):
            yield name


class _PlainUnpickler(pickle.Unpickler):
    """Reads dictionaries, lists, sets, words and numbers; refuses every class."""

    def __init__(self, file: io.BufferedIOBase | bz2.BZ2File) -> None:
        super().__init__(file)

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"the drug dictionary holds a class, {module}.{name}")


def names(package: Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return given names and surnames, lower case: weight 1.0 for common ones, 0.5 for the rare.

    package: folder of `names`; its files have "NAME share cumulated rank" in each line, the most frequent first.
    """
    given = {name: 1.0 for file in ("dist.male.first", "dist.female.first") for name in _names(package / file)}
    family = {
        name: 1.0 if rank < _COMMON_SURNAMES else 0.5 for rank, name in enumerate(_names(package / "dist.all.last"))
    }
    return {name: given[name] for name in given.keys() - _NOT_GIVEN}, family


def _names(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="ascii").splitlines():
        yield line.split(maxsplit=1)[0].lower()


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"package {name} is not installed")
    return Path(spec.origin).parent


def _write(path: Path, table: Mapping[str, float]) -> None:
    lines = "".join(f"{table[term]:g}\t{term}\n" for term in sorted(table))
    path.write_bytes(gzip.compress(lines.encode(), mtime=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
