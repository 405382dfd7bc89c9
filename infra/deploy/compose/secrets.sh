#!/bin/sh
# Makes the secrets of compose.production.yaml in secrets/, each in a file; those that are there are kept. Containers read
# them with the group 10001. To renew one: delete its file (and those made of it, named beside it), run this, `up -d` again.
set -eu
cd "$(dirname "$0")"
umask 027
mkdir -p secrets
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
make() { # NAME VALUE
    [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"
}
make admin_key "$(random)"
make alerts_key "$(random)"
make auth "$(random)"
make grafana_password "$(random)"
make turn_secret "$(random)"
make livekit_secret "$(random)" # livekit_keys, livekit.env
make livekit_keys "daredevil: $(cat secrets/livekit_secret)"
make livekit.env "LIVEKIT_API_SECRET=$(cat secrets/livekit_secret)"
make nats_password "$(random)" # nats_auth
make nats_auth "authorization { user: daredevil, password: \"$(cat secrets/nats_password)\" }"
make postgres_password "$(random)" # postgres_url; the server takes it at its first start only
make postgres_url "postgresql://daredevil:$(cat secrets/postgres_password)@postgres/daredevil"
chmod 640 secrets/*
if [ "$(id -u)" = 0 ]; then
    chgrp -R 10001 secrets
else
    echo "Now let containers read them: sudo chgrp -R 10001 $(pwd)/secrets" >&2
fi
