#!/usr/bin/env bash
# The table of src/README.md, from NEEDS in src/CMakeLists.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

printf '| folder | may include |\n|---|---|\n'
awk '/^ratebook_folder\(/ {
  gsub(/ HOT_TESTS| HOT| COLD| SERVER| LIBRARIES.*| CONTRACT.*|\).*|^ratebook_folder\(/, "")
  folder = $1
  list = "–"
  for (i = 3; i <= NF; ++i) list = i == 3 ? $i : list ", " $i
  printf "| %s/ | %s |\n", folder, list
}' src/CMakeLists.txt
printf '| main.cpp | all |\n'
