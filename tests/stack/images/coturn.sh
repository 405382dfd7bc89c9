# What the official image's entry point does: each argument may be an expression of the shell, such as the secret's file.
# shellcheck disable=SC2046,SC2294
exec turnserver $(eval echo "$@")
