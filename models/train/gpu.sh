#!/bin/sh
# Trains on a GPU machine that has torch but no network. Each transfer to it takes at most 55 MiB.
#
#   here:   sh models/train/gpu.sh pack WORK STASH      STASH/part-*: base and items, 15 MiB each; three per transfer
#   there:  sh models/train/gpu.sh keep STASH KEPT      keeps the transferred parts; once per transfer
#   there:  sh models/train/gpu.sh train KEPT OUT 8 --batch-tokens 8000
#                                                       trains for 8 minutes; OUT/part-*: factors and log
#   here:   sh models/train/gpu.sh land OUT WORK        WORK/gpu: factors and log from their parts
#
# `train` passes further arguments to `models.train train` (--steps 3: a dry run, also possible on a CPU).
set -eu
python=${PYTHON:-python3}
verb=$1
shift
case $verb in
pack)
    work=$1 stash=$2
    rm -rf "$stash" "$work/moved"
    "$python" -m models.train pack-base --work "$work" --to "$work/moved/base"
    "$python" -m models.train shrink --work "$work" --to "$work/moved/items.npz"
    mkdir -p "$work/moved/start"
    cp models/train/start/*.safetensors "$work/moved/start/"
    "$python" -m models.train pack "$work/moved" "$stash" --part-mib 15
    ;;
keep)
    mkdir -p "$2"
    cp "$1"/* "$2/"
    ;;
train)
    kept=$1 out=$2 minutes=$3
    shift 3
    work=$(mktemp -d)
    "$python" -m models.train unpack "$kept" "$work/moved"
    "$python" -m models.train unpack-base --packed "$work/moved/base" --work "$work"
    mv "$work/moved/items.npz" "$work/items.npz"
    "$python" -m models.train train --work "$work" --minutes "$minutes" --cooldown 0.5 --workers 1 \
        $(for file in "$work"/moved/start/*; do echo --start "$file"; done) "$@"
    mkdir "$work/made"
    "$python" -m models.train factors --work "$work" --to "$work/made/factors.safetensors"
    cp "$work/log.jsonl" "$work/made/"
    "$python" -m models.train pack "$work/made" "$out" --part-mib 15
    rm -rf "$work"
    ;;
land)
    "$python" -m models.train unpack "$1" "$2/gpu"
    ;;
*)
    echo "pack, keep, train or land, not $verb" >&2
    exit 2
    ;;
esac
