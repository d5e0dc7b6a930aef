#!/bin/sh
# Installs the servers and clients that tests/e2e talks to (Debian 12 and 13). Called by `make test` under CI=true or
# SYSTEM=1 only: it brings in Postfix, which takes the place of any other mail server on the machine.
set -eu

PACKAGES="postfix postgresql swaks libnet-ssleay-perl gnupg openssl chromium fonts-dejavu-core prometheus opendkim-tools"
POLICY=/usr/sbin/policy-rc.d

missing=""
for package in $PACKAGES; do
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "mailward tests: not root; run: sudo apt-get install$missing" >&2
    exit 1
fi

# Tests start their own instances: keep the packages from starting theirs, unless this machine has its own rule for that.
if [ ! -e "$POLICY" ]; then
    trap 'rm -f "$POLICY"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$POLICY" # 101: action forbidden by policy
    chmod 755 "$POLICY"
fi

export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
apt-get update -qq
# shellcheck disable=SC2086 # words on purpose
apt-get install -qq --no-install-recommends $missing >/dev/null
