# Sourced by the other scripts: the folder they run in and the environment that makes their runs alike.
# shellcheck shell=sh
cd "$(dirname "$0")/.." || exit 1
root=$(pwd)
mkdir -p "$root/bin" "$root/.tmp"

# Neither Terraform nor the test framework may ask the network for newer versions.
export CHECKPOINT_DISABLE=1
# A CLI configuration that is named but absent makes every Terraform command print a warning.
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] && [ ! -e "$TF_CLI_CONFIG_FILE" ]; then unset TF_CLI_CONFIG_FILE; fi
# Nothing here may wait for an answer.
export GIT_TERMINAL_PROMPT=0 DEBIAN_FRONTEND=noninteractive TF_INPUT=0
