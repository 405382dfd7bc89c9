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
make postgres_password "$(random)" # postgres_url; the server takes it at its first start only
make postgres_url "postgresql://daredevil:$(cat secrets/postgres_password)@postgres/daredevil"
# The users of NATS, with a key for each process: by the image, because what each may do changes with the version. So run
# this again before an upgrade, with its IMAGE. Then, and when a key was renewed: `docker compose … kill -s HUP nats`.
setting() { # NAME DEFAULT: of the environment, else a line of .env
    eval "given=\${$1:-}"
    [ -n "$given" ] || given=$(sed -n "s/^$1=//p" .env 2>/dev/null | tail -n 1)
    printf '%s' "${given:-$2}"
}
mkdir -p secrets/nats
if [ -n "${DAREDEVIL:-}" ]; then # an installed command instead
    DAREDEVIL_PARTITIONS=$(setting PARTITIONS 0) "$DAREDEVIL" nats-users secrets/nats >/dev/null
else
    engine=${CONTAINER_ENGINE:-$(command -v docker || command -v podman)} image=$(setting IMAGE localhost/daredevil-local:0.1.0)
    "$engine" run --rm --network none --user "$(id -u):$(id -g)" -v "$(pwd)/secrets/nats:/keys" \
        -e "DAREDEVIL_PARTITIONS=$(setting PARTITIONS 0)" "$image" daredevil nats-users /keys >/dev/null || {
        echo "secrets/nats was not made: $engine cannot run $image. Build it (make image), or set IMAGE or CONTAINER_ENGINE," \
            "and run this again" >&2
        exit 1
    }
fi
find secrets -type f -exec chmod 640 {} +
chmod 750 secrets/nats
if [ "$(id -u)" = 0 ]; then
    chgrp -R 10001 secrets
else
    echo "Now let containers read them: sudo chgrp -R 10001 $(pwd)/secrets" >&2
fi
