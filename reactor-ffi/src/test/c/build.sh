#!/bin/sh
# Compiles the C fixture of the tests: libfixture.so, and libfixture_asan.so where the compiler has AddressSanitizer.
# usage: build.sh <output folder>
set -eu
src=$(cd "$(dirname "$0")" && pwd)
out=$1

if ! command -v cc >/dev/null 2>&1; then
  echo "ERROR: no C compiler: the tests call real native code. Install one that answers to 'cc' (Debian, Ubuntu: gcc libc6-dev; Fedora: gcc; macOS: the Xcode command line tools)." >&2
  exit 1
fi

# Compiles in place of the old library only when the compiler has succeeded: a running test may still hold the old one.
compile() {
  lib=$1
  shift
  if [ -z "$(find "$src" -newer "$out/$lib" 2>/dev/null || echo absent)" ]; then
    return 0
  fi
  cc -O2 -g -std=gnu11 -Wall -Wextra -Werror -shared -fPIC -pthread "$@" -o "$out/$lib.new" "$src"/*.c &&
    mv "$out/$lib.new" "$out/$lib"
}

mkdir -p "$out"
compile libfixture.so
if ! echo 'int probe;' | cc -fsanitize=address -shared -fPIC -x c - -o "$out/probe.so" 2>/dev/null; then
  echo "No AddressSanitizer in this C compiler: libfixture_asan.so is left out, and the tests that need it are skipped."
  rm -f "$out/libfixture_asan.so"
else
  compile libfixture_asan.so -fsanitize=address -fno-omit-frame-pointer
fi
rm -f "$out/probe.so"
