#!/bin/bash
# Makes the starter project again from its grammar: prompts, tokenizer and model, by the project's own SFT trainer.
#     make_starter.sh [WORK_FOLDER]
# ENGINE names prefbench-engine (default: build/bin/prefbench-engine), THREADS the threads to train with (default: all
# cores). WORK_FOLDER (default: build/starter) keeps the text and the run; it must not hold a run yet.
# About ten minutes on two cores.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
starter=$(dirname "$here")
root=$(cd "$starter/../.." && pwd)
work=${1:-$root/build/starter}
engine=${ENGINE:-$root/build/bin/prefbench-engine}

[ -x "$engine" ] || { echo "$engine: not there; build it first or name it in ENGINE" >&2; exit 1; }
[ ! -e "$work/run" ] || { echo "$work/run: there is a run already; remove it or name another folder" >&2; exit 1; }
mkdir -p "$work"

echo "writing the text"
python3 "$here/make_corpus.py" --grammar "$starter/grammar.json" --prompts "$starter/prompts.jsonl" \
    --train "$work/train.jsonl" --eval "$work/eval.jsonl" | tee "$work/corpus.json"
echo "making the tokenizer and the untrained model"
python3 "$here/make_tokenizer.py" --corpus "$work/train.jsonl" --out "$work/tokenizer"
python3 "$here/make_model.py" --tokenizer "$work/tokenizer" --out "$work/initial"
echo "training"
python3 "$here/make_run.py" --model "$work/initial" --train "$work/train.jsonl" --eval "$work/eval.jsonl" \
    --out "$work/run" --threads "${THREADS:-0}"
"$engine" train "$work/run"
mkdir -p "$starter/model"
for file in config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json \
    special_tokens_map.json; do
    cp "$work/run/model/$file" "$starter/model/$file"
done
echo "the model is in $starter/model; now measure it: $here/measure_starter.py --help"
