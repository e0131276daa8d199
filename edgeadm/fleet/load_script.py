"""The script that stores files on a machine: chunks are received, assembled, verified and unpacked.

stdin begins with the plan, one line per word list, closed by `end`; the chunks that the machine lacks follow
as a tar. Parameters: root of the file system (empty, except in tests), directory of the executable, hash of
its archive, address and port of a machine of the site that serves chunks (or empty).
"""

from __future__ import annotations

from edgeadm.fleet.layout import HEAD

SCRIPT = (
    HEAD
    + r"""
root=$1 tree=$2 archive=$3 address=$4 port=$5
state=$root/var/lib/edgeadm-fleet
programs=$root/opt/edgeadm
mkdir -p "$state/incoming" "$state/files"
chmod 0700 "$state"
cd "$state/incoming"
plan=$state/plan
while read -r line && [ "$line" != end ]; do printf '%s\n' "$line"; done >"$plan"

complete() { [ -f "$1" ] && [ "$(stat -c %s "$1")" = "${1##*.}" ]; }
hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# A chunk from a machine of the site: accepted only if its content has the hash of its name.
fetch='
exec 3<>"/dev/tcp/$1/$2"
printf "%s\n" "$3" >&3
head -c "${3##*.}" <&3 >"$3.lan"
'
if [ -n "$address" ]; then
  failures=0
  while read -r word name; do
    if [ "$word" != chunk ] || complete "$name"; then continue; fi
    if [ "$failures" -lt 3 ] &&
      timeout 30 bash -c "$fetch" bash "$address" "$port" "$name" 2>/dev/null &&
      [ "$(hash_of "$name.lan")" = "${name%.*}" ]; then
      mv "$name.lan" "$name"
      echo "lan $name"
    else
      failures=$((failures + 1))
      rm -f "$name.lan"
      echo "need $name"
    fi
  done <"$plan"
fi
echo send
tar -xf - 2>/dev/null || { echo "the stream ended early" >&2; exit 74; }

# Each file once all of its chunks are complete: it has its name only after it was verified.
assemble() {
  file=$1
  if [ -f "$state/files/$file" ]; then return 0; fi
  sed -n "/^file $file\$/,/^\$/s/^chunk //p" "$plan" >"$state/chunks"
  while read -r name; do
    complete "$name" || { echo "chunk $name is not complete" >&2; exit 75; }
  done <"$state/chunks"
  while read -r name; do cat "$name" || exit 28; done <"$state/chunks" >"$state/files/$file.part"
  if [ "$(hash_of "$state/files/$file.part")" != "$file" ]; then
    rm -f "$state/files/$file.part"
    while read -r name; do
      if [ "$(hash_of "$name")" != "${name%.*}" ]; then rm -f "$name"; echo "bad $name"; fi
    done <"$state/chunks"
    exit 76
  fi
  sync "$state/files/$file.part"
  mv "$state/files/$file.part" "$state/files/$file"
  while read -r name; do rm -f "$name"; done <"$state/chunks"
}
sed -n 's/^file //p' "$plan" >"$state/wanted"
while read -r file; do assemble "$file"; done <"$state/wanted"

umask 022
if [ ! -x "$programs/$tree/edgeadm" ]; then
  mkdir -p "$programs"
  rm -rf "$programs/.new"
  mkdir "$programs/.new"
  tar -xzf "$state/files/$archive" -C "$programs/.new" --no-same-owner || exit 28
  sync -f "$programs/.new"
  rm -rf "${programs:?}/$tree"
  mv "$programs/.new" "$programs/$tree"
fi
link=$root/usr/local/bin/edgeadm
target=$(readlink "$link" || :)
case $target in
  '') if [ ! -e "$link" ]; then mkdir -p "${link%/*}"; ln -s "$programs/$tree/edgeadm" "$link"; fi ;;
  "$programs"/*/edgeadm)
    if ours "${target%/edgeadm}"; then ln -sfn "$programs/$tree/edgeadm" "$link"; fi
    ;;
esac

# Files and executables of earlier runs, unless a unit or a process uses them.
for path in "$state"/files/*; do
  if ! grep -qx "${path##*/}" "$state/wanted"; then rm -f "$path"; fi
done
for path in "$state"/incoming/*; do
  if [ -f "$path" ] && ! grep -qx "chunk ${path##*/}" "$plan"; then rm -f "$path"; fi
done
for path in "$programs"/*; do
  if [ "$path" = "$programs/$tree" ] || ! ours "$path" ||
    grep -rqs "$path/" "$root/etc/systemd/system"; then continue; fi
  used=
  for process in "$root"/proc/[0-9]*; do
    case $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") in *"$path/"*) used=yes; break ;; esac
  done
  if [ -z "$used" ]; then rm -rf "$path"; fi
done
rm -f "$plan" "$state/chunks" "$state/wanted"
echo loaded
"""
)
