#!/bin/sh
# Installs the servers, clients and makers of files that tests/e2e uses (Debian 12 and 13). Called by `make test` under CI=true or
# SYSTEM=1 only: it brings in Postfix, which takes the place of any other mail server on the machine. Exim and OpenSMTPD,
# which cannot be installed beside Postfix, are unpacked into folders of their own (tests/e2e/exim.py, opensmtpd.py).
set -eu

PACKAGES="postfix postgresql swaks libnet-ssleay-perl gnupg openssl chromium fonts-dejavu-core prometheus opendkim opendkim-tools
    libmail-dkim-perl curl msmtp s-nail libsasl2-modules sasl2-bin testssl.sh nmap unbound strace pflogsumm iproute2 p7zip-full
    libarchive-tools tesseract-ocr-eng ghostscript libreoffice-writer libreoffice-calc libreoffice-impress
    libmime-tools-perl sq rnp clamav-daemon"
POLICY=/usr/sbin/policy-rc.d
FOLDER=/opt/mailward-tests
SERVERS="exim4-daemon-light opensmtpd"

folder_of() { # where a server is unpacked
    case "$1" in exim4-daemon-light) echo "$FOLDER/exim" ;; *) echo "$FOLDER/$1" ;; esac
}

users_of() { # built into Debian's binaries: without them in passwd the servers do not start
    case "$1" in exim4-daemon-light) echo Debian-exim ;; *) echo opensmtpd opensmtpq ;; esac
}

is_there() {
    for user in $(users_of "$1"); do
        getent passwd "$user" >/dev/null || return 1
    done
    [ -e "$(folder_of "$1")/.unpacked" ]
}

libraries_of() { # what the binary is linked with; not what it asks for as a package, which is a whole mail server
    apt-cache depends "$1" | sed -n 's/^ *|*Depends: \(lib[^<>:]*\)$/\1/p'
}

# Debian 12's OpenSMTPD cannot do TLS with the OpenSSL beside it (OpenSMTPD issue 1171); the one in its backports can. Taken
# from where this machine takes its packages, with lists of its own, so that nothing else comes from there.
download() {
    codename="$(. /etc/os-release && echo "$VERSION_CODENAME")"
    site="$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Codename: $codename" | head -n 1)"
    mkdir -p "$fetched/lists/partial" "$fetched/cache/archives/partial"
    for suite in "$codename" "$codename-backports"; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main"
    done >"$fetched/sources.list"
    set -- "$1" -qq -o APT::Sandbox::User=root -o Dir::State::lists="$fetched/lists" -o Dir::Cache="$fetched/cache" \
        -o Dir::Etc::sourcelist="$fetched/sources.list" -o Dir::Etc::sourceparts=-
    package="$1"
    shift
    apt-get "$@" update
    (cd "$fetched" && apt-get "$@" -t "$codename-backports" download "$package")
}

missing=""
for package in $PACKAGES; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
absent=""
for server in $SERVERS; do
    is_there "$server" || absent="$absent $server"
done
[ -n "$missing$absent" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "mailward tests: not root; run: sudo sh $0 # installs$missing, unpacks$absent" >&2
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
libraries=""
for server in $absent; do
    libraries="$libraries $(libraries_of "$server")"
done
# shellcheck disable=SC2086 # words on purpose
apt-get install -qq --no-install-recommends $missing $libraries >/dev/null

fetched="$(mktemp -d)"
for server in $absent; do
    folder="$(folder_of "$server")"
    mkdir -p "$folder"
    for user in $(users_of "$server"); do
        getent passwd "$user" >/dev/null ||
            useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
    done
    download "$server"
    dpkg -x "$fetched/$server"_*.deb "$folder"
    # root starts it in the tests, and no package manager keeps it up to date
    find "$folder" -perm /6000 -type f -exec chmod ug-s {} +
    touch "$folder/.unpacked"
done
