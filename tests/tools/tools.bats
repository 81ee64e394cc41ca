#!/usr/bin/env bats
# The checkers, checked: each rule refuses what it is for, and lets good code pass.

setup() {
  tools=$BATS_TEST_DIRNAME
  cd "$BATS_TEST_TMPDIR" || return 1
  mkdir -p src/base src/io src/api src/store src/zoo
}

layers() {
  run awk -f "$tools/layers.awk" "$@"
}

style() {
  run env LC_ALL=C awk -f "$tools/style.awk" "$@"
}

sum() {
  run awk -f "$tools/tap-sum.awk"
}

# A function of so many lines, braces included.
function_of() {
  printf 'int f(void) {\n'
  for ((i = 2; i < $1; i++)); do echo '        x();'; done
  printf '}\n'
}

@test "layers: lower ranks and the own folder are fine" {
  printf '#include <stdio.h>\n#include "api/a.h"\n#include "io/b.h"\n#include "base/c.h"\n' >src/api/a.c
  layers src/api/a.c
  [ "$status" = 0 ]
}

@test "layers: a higher and an equal rank are refused, with file and line" {
  printf '\n#include "api/a.h"\n' >src/io/a.c
  printf '#include "api/a.h"\n' >src/store/a.c
  layers src/io/a.c src/store/a.c
  [ "$status" = 1 ]
  [[ $output == *'src/io/a.c:2: io/ (rank 1) may not include "api/a.h" (rank 2)'* ]]
  [[ $output == *'src/store/a.c:1: '* ]]
}

@test "layers: unknown folders, short names and angle brackets are refused" {
  printf '#include "a.h"\n#include "zoo/a.h"\n# include <base/a.h>\n' >src/io/a.c
  echo >src/zoo/a.c
  layers src/io/a.c src/zoo/a.c
  [ "$status" = 1 ]
  [ "$(grep -c '^src/' <<<"$output")" = 4 ]
}

@test "layers: the layers that return errors do not see the log" {
  printf '#include "base/log.h"\n' | tee src/base/log.c >src/store/a.c
  layers src/base/log.c src/store/a.c
  [ "$status" = 1 ]
  [ "$(grep -c '^src/' <<<"$output")" = 1 ]
  [[ $output == *src/store/a.c:1:* ]]
}

@test "style: banned calls and // comments are found, in strings and comments they are not" {
  cat >src/io/a.c <<'C'
/* sprintf( and // in a comment,
 * atoi(x) too */
int a = b.system (c) + d->gets(e);
const char *s = "http://x \" sprintf(", t = '"';
int u = atoi("1");      // here
int my_atoi(int strcpy);
C
  style src/io/a.c
  [ "$status" = 1 ]
  [ "$(grep -c '^src/' <<<"$output")" = 2 ]
  [[ $output == *'src/io/a.c:5: a // comment'* ]]
  [[ $output == *'src/io/a.c:5: atoi() is banned'* ]]
}

@test "style: a header is included once in a file" {
  printf '#include <errno.h>\n#include "io/b.h"\n' | tee src/io/a.c >src/io/b.c
  style src/io/a.c src/io/b.c
  [ "$status" = 0 ]
  printf '#include "io/b.h"\n' >>src/io/a.c
  style src/io/a.c src/io/b.c
  [ "$status" = 1 ]
  [[ $output == *'src/io/a.c:3: included above already'* ]]
}

@test "style: 60 lines are a function, 61 are not; an array may be longer" {
  function_of 60 >src/io/a.c
  style src/io/a.c
  [ "$status" = 0 ]
  function_of 61 >src/io/a.c
  style src/io/a.c
  [ "$status" = 1 ]
  { echo 'static const int a[] = {'; yes '        1,' | head -n 100; echo '};'; } >src/io/a.c
  style src/io/a.c
  [ "$status" = 0 ]
}

@test "style: 500 lines are a file, 501 are not, and the next file starts at zero" {
  yes 'int x;' | head -n 500 >src/io/a.c
  cp src/io/a.c src/io/b.c
  style src/io/a.c src/io/b.c
  [ "$status" = 0 ]
  echo >>src/io/a.c
  style src/io/a.c src/io/b.c
  [ "$status" = 1 ]
  [ "$(grep -c '^src/' <<<"$output")" = 1 ]
}

@test "style: tabs, trailing blanks and a header without pragma once" {
  printf 'int x;\t/* */\nint y; \n' >src/io/a.h
  style src/io/a.h
  [ "$(grep -c '^src/' <<<"$output")" = 3 ]
}

@test "tap: passed, failed, both spellings of a skip" {
  sum <<<$'1..5\nok 1 - a\nnot ok 2 - b\nok 3 c # skip no reason\nnot ok 4 # SKIP d\nok 5 - not ok here'
  [ "$output" = "2 1 2" ]
}

@test "tap: what was promised and never reported has failed, and so has a bail-out" {
  sum <<<$'1..4\nok 1 - a'
  [ "$output" = "1 3 0" ]
  sum <<<$'Bail out!'
  [ "$output" = "0 1 0" ]
}

@test "run-unit: a crash, a failing exit status, a time-out and a left file are failures, and are shown" {
  printf '#!/bin/sh\necho 1..2; echo ok 1 - a; kill -SEGV $$\n' >crash
  printf '#!/bin/sh\necho 1..1; echo ok 1 - a; exit 3\n' >status
  printf '#!/bin/sh\nexec sleep 30\n' >slow
  # shellcheck disable=SC2016  # for the script's shell, not this one
  printf '#!/bin/sh\ntouch "$TMPDIR/left"\n' >leaves
  printf '#!/bin/sh\necho fine\n' >good
  printf '#!/bin/sh\necho 1..1; echo not ok 1 "# SKIP" later\n' >skips
  chmod +x crash status slow leaves good skips
  TEST_TIMEOUT=1 run "$tools/run-unit.sh" ./crash ./status ./slow ./leaves ./good ./skips
  [ "$status" = 1 ]
  [ "${lines[-1]}" = "4 passed, 4 failed, 1 skipped" ]
  [[ $output == *"skips: not ok 1 # SKIP later"* ]]
  [[ $output == *"./slow: took longer than 1 s"* ]]
  [[ $output == *"./status: exit status 3"* ]]
  [[ $output == *"left behind"* ]]
  run "$tools/run-unit.sh" ./good
  [ "$status" = 0 ]
}
