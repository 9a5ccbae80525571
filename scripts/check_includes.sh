#!/usr/bin/env bash
# Includes between the folders of src/ go only as NEEDS in src/CMakeLists.txt says, directly or through a folder that
# is needed. Names each one that does not; exits with 1 if there is any. Another root than `.` is for its test.
set -euo pipefail
cd "${1:-.}"
mapfile -t sources < <(find src -mindepth 2 \( -name '*.hpp' -o -name '*.cpp' \) | sort)

awk '
  function reach(from, to, seen,    i, count, next_folders) {
    if (from == to) return 1
    if (from in seen) return 0
    seen[from] = 1
    count = split(needs[from], next_folders, " ")
    for (i = 1; i <= count; ++i) if (reach(next_folders[i], to, seen)) return 1
    return 0
  }
  FILENAME ~ /CMakeLists\.txt$/ {
    if (!match($0, /^ratebook_folder\([a-z_]+/)) next
    name = substr($0, RSTART + 16, RLENGTH - 16)
    folders[name] = 1
    list = $0
    if (!sub(/.* NEEDS /, "", list)) list = ""
    sub(/ LIBRARIES .*/, "", list)
    sub(/\).*/, "", list)
    needs[name] = list
    next
  }
  match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"\/]+\//) {
    included = substr($0, RSTART, RLENGTH - 1)
    sub(/.*"/, "", included)
    folder = FILENAME
    sub(/^src\//, "", folder)
    # main.cpp is the wiring: it may include all.
    if (folder !~ /\//) next
    sub(/\/.*/, "", folder)
    if (!(folder in folders)) { complaint = "the folder " folder " is not in src/CMakeLists.txt" }
    else if (!(included in folders)) { complaint = "no folder " included " is in src/CMakeLists.txt" }
    else {
      split("", seen)
      complaint = reach(folder, included, seen) ? "" : folder " does not need " included " in src/CMakeLists.txt"
    }
    ++checked
    if (complaint != "") { print FILENAME ":" FNR ": " complaint; ++wrong }
  }
  END {
    if (!checked) { print "check_includes: no include was checked"; exit 1 }
    exit wrong > 0
  }
' src/CMakeLists.txt "${sources[@]}"
