#!/bin/sh
# Runs mlagent with the arguments given, in the environment of exactly the version that the library pins.
#
# agent.txt, beside this file, pins mlagent and all it needs by hash; the environment is named by agent.txt's own hash.
# An agent image has it in /opt/mlagent; else it is made once, under a lock, in MLPIPELINE_CACHE
# (default: ~/.cache/mlagent/agents), from MLAGENT_WHEELHOUSE (a folder or URL) or pip's own index.
set -eu

pins=$(dirname "$0")/agent.txt
python=${MLPIPELINE_PYTHON:-python3}
image=${MLPIPELINE_IMAGE:-/opt/mlagent}
wheelhouse=${MLAGENT_WHEELHOUSE:-}
unset MLAGENT_WHEELHOUSE

stop() { # CODE MESSAGE HINT, as mlagent itself ends
  printf 'Error: %s\nHint: %s\n' "$2" "$3" >&2
  if [ -n "${MLPIPELINE_SAID:-}" ]; then
    message=$(printf '%s' "$2" | quoted) hint=$(printf '%s' "$3" | quoted)
    printf '{"exit_code": %d, "message": "%s", "hint": "%s"}\n' "$1" "$message" "$hint" > "$MLPIPELINE_SAID"
  fi
  exit "$1"
}

quoted() { # text that stands between the quotes of JSON
  tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'
}

digest() {
  if command -v sha256sum > /dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

pinned() { # the hash that agent.txt pins for mlagent itself
  [ ! -f "$pins" ] || sed -n 's/^mlagent.*--hash=sha256:\([0-9a-f]*\).*/\1/p' "$pins"
}

check_machine() {
  command -v "$python" > /dev/null ||
    stop 3 "there is no $python on $(hostname)" 'install Python 3.11 or later (apt install python3 python3-venv), or set MLPIPELINE_PYTHON'
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop 3 "$("$python" --version) is too old" 'mlagent needs Python 3.11 or later; MLPIPELINE_PYTHON names another one'
  "$python" -c 'import ensurepip, venv' 2> /dev/null ||
    stop 3 "$python cannot make virtual environments" 'install its venv module: apt install python3-venv'
  command -v flock > /dev/null || stop 3 'there is no flock' 'install util-linux'
}

check_wheelhouse() {
  case $wheelhouse in
    '' | *://*) return ;; # pip itself compares hashes
  esac
  [ -d "$wheelhouse" ] ||
    stop 3 "MLAGENT_WHEELHOUSE=$wheelhouse is no folder on $(hostname)" \
      'run "make wheelhouse" in the checkout of the library and copy dist/wheelhouse there, or mount it on every node'
  for wheel in "$wheelhouse"/mlagent-*.whl; do
    if [ -f "$wheel" ] && [ "$(digest "$wheel")" = "$(pinned)" ]; then return; fi
  done
  stop 3 "$wheelhouse holds no mlagent of the hash that this library pins ($(pinned))" \
    'library and wheelhouse are of two commits: run "make wheelhouse" in the checkout of the library, commit resources/mlagent/agent.txt if it changed, and copy dist/wheelhouse there'
}

made() { # FOLDER, whole, and its Python is the one it was made with: an upgrade of the system leaves it without packages
  [ -f "$1/complete" ] && [ "$(cat "$1/complete")" = "$(readlink -f "$1/bin/python")" ]
}

make() { # FOLDER
  rm -rf "$1"
  echo "mlagent: making $1 (once for this version on this node)" >&2
  "$python" -m venv "$1" >&2 || {
    rm -rf "$1"
    stop 20 "$python could not make the environment $1; what it says is above" 'is the disk full? MLPIPELINE_CACHE names another folder'
  }
  set -- "$1" --disable-pip-version-check --no-input --quiet --require-hashes --only-binary :all: -r "$pins"
  folder=$1
  shift
  [ -z "$wheelhouse" ] || set -- --no-index --find-links "$wheelhouse" "$@"
  "$folder/bin/python" -m pip install "$@" >&2 || {
    rm -rf "$folder"
    [ -n "$wheelhouse" ] || stop 3 "MLAGENT_WHEELHOUSE is not set, and pip's own index has not all that is pinned; what it says is above" \
      'run "make wheelhouse" in the checkout of the library, and name dist/wheelhouse, or where you serve it, in MLAGENT_WHEELHOUSE on every node'
    stop 20 'pip could not install the pinned mlagent; what it says is above' \
      'is the index or the wheelhouse in reach? where hashes differ, or no wheel fits this Python or platform, run "make wheelhouse" in the checkout of the library with a Python and platform like this node'
  }
  readlink -f "$folder/bin/python" > "$folder/complete"
}

[ -n "$(pinned)" ] ||
  stop 3 'the library pins no mlagent (resources/mlagent/agent.txt)' 'run "make wheelhouse" in the checkout of the library, and commit that file'
key=$(digest "$pins" | cut -c 1-16)
folder=$image/$key
if ! made "$folder"; then
  [ -n "${MLPIPELINE_CACHE:-}${HOME:-}" ] || stop 3 'there is no HOME' 'set it, or MLPIPELINE_CACHE, to a folder of this node'
  root=${MLPIPELINE_CACHE:-${HOME:-}/.cache/mlagent/agents}
  folder=$root/$key
  if ! made "$folder"; then
    check_machine
    check_wheelhouse
    if ! mkdir -p "$root" || ! touch "$root/$key.lock"; then # else the shell itself would end at 9>
      stop 3 "$root cannot be written" 'set MLPIPELINE_CACHE to a folder of this node that can'
    fi
    exec 9> "$root/$key.lock"
    flock 9
    made "$folder" || make "$folder" # else another build made it meanwhile
    exec 9>&-
  fi
fi
exec "$folder/bin/mlagent" "$@"
