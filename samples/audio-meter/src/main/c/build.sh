#!/bin/sh
# Compiles the source of sound: libtone.so.
# usage: build.sh <output folder>
set -eu
src=$(cd "$(dirname "$0")" && pwd)
out=$1

if ! command -v cc >/dev/null 2>&1; then
  echo "ERROR: no C compiler: the sample is called by a native thread. Install one that answers to 'cc' (Debian, Ubuntu: gcc libc6-dev; Fedora: gcc; macOS: the Xcode command line tools)." >&2
  exit 1
fi

mkdir -p "$out"
if [ -n "$(find "$src" -newer "$out/libtone.so" 2>/dev/null || echo absent)" ]; then
  cc -O2 -std=gnu11 -Wall -Wextra -Werror -shared -fPIC -pthread -o "$out/libtone.so.new" "$src"/*.c -lm
  mv "$out/libtone.so.new" "$out/libtone.so"
fi
