#!/bin/sh
# Compiles the native source of events: libsource.so.
# usage: build.sh <output folder>
set -eu
src=$(cd "$(dirname "$0")" && pwd)
out=$1

if ! command -v cc >/dev/null 2>&1; then
  echo "ERROR: no C compiler: the benchmarks call, and are called by, real native code. Install one that answers to 'cc' (Debian, Ubuntu: gcc libc6-dev; Fedora: gcc; macOS: the Xcode command line tools)." >&2
  exit 1
fi

mkdir -p "$out"
if [ -n "$(find "$src" -newer "$out/libsource.so" 2>/dev/null || echo absent)" ]; then
  cc -O2 -std=gnu11 -Wall -Wextra -Werror -shared -fPIC -pthread -o "$out/libsource.so.new" "$src"/*.c
  mv "$out/libsource.so.new" "$out/libsource.so"
fi
