#!/bin/sh
# Installs the servers and clients that tests/e2e talks to (Debian 12 and 13). Called by `make test` under CI=true or
# SYSTEM=1 only: it brings in Postfix, which takes the place of any other mail server on the machine. Exim, which cannot be
# installed beside Postfix, is unpacked into a folder of its own (tests/e2e/exim.py).
set -eu

PACKAGES="postfix postgresql swaks libnet-ssleay-perl gnupg openssl chromium fonts-dejavu-core prometheus opendkim-tools
    curl msmtp s-nail libsasl2-modules testssl.sh nmap unbound strace pflogsumm"
POLICY=/usr/sbin/policy-rc.d
EXIM=exim4-daemon-light
EXIM_FOLDER=/opt/mailward-tests/exim
EXIM_USER=Debian-exim # built into Debian's binary: without it in passwd it does not start

exim_is_there() {
    [ -x "$EXIM_FOLDER/usr/sbin/exim4" ] && getent passwd "$EXIM_USER" >/dev/null
}

exim_libraries() { # what the binary is linked with; not what it asks for as a package, which is a whole mail server
    apt-cache depends "$EXIM" | sed -n 's/^ *|*Depends: \(lib[^<>:]*\)$/\1/p'
}

missing=""
for package in $PACKAGES; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || ! exim_is_there || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "mailward tests: not root; run: sudo sh $0 # installs$missing, unpacks $EXIM" >&2
    exit 1
fi

# Tests start their own instances: keep the packages from starting theirs, unless this machine has its own rule for that.
made_policy=""
fetched=""
trap 'rm -rf "$fetched"; rm -f "$made_policy"' EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$POLICY" ]; then
    made_policy="$POLICY"
    printf '#!/bin/sh\nexit 101\n' >"$POLICY" # 101: action forbidden by policy
    chmod 755 "$POLICY"
fi

export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
apt-get update -qq
# shellcheck disable=SC2046,SC2086 # words on purpose
apt-get install -qq --no-install-recommends $missing $(exim_is_there || exim_libraries) >/dev/null

exim_is_there && exit 0
getent passwd "$EXIM_USER" >/dev/null ||
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$EXIM_USER"
fetched="$(mktemp -d)"
(cd "$fetched" && apt-get download -qq -o APT::Sandbox::User=root "$EXIM")
mkdir -p "$EXIM_FOLDER"
dpkg -x "$fetched/$EXIM"_*.deb "$EXIM_FOLDER"
chmod u-s "$EXIM_FOLDER/usr/sbin/exim4" # root starts it in the tests, and no package manager keeps it up to date
