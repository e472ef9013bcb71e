"""Does the engine render chat templates as transformers does?

usage: check_templates.py ENGINE [MODEL...]

Every template of templates/ with every conversation below, with and without the generation prompt: the same text, or an error
where transformers has one, with the same message where the template raised it. With the tokenizer of each MODEL folder the
same ids too.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import jinja2  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from tokenizers.models import BPE  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "The weather\nof a place & day.", "parameters": {
        "type": "object", "properties": {"place": {"type": "string", "description": "where"}, "days": {"type": ["integer", "number"]},
                                         "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "zeit", "description": "Die Uhrzeit – überall", "parameters": {
        "type": "object", "properties": {}, "required": []}}},
]
CALL = {"id": "abc123def", "type": "function", "function": {"name": "weather", "arguments": {"place": "Köln", "days": 2, "exact": True, "more": None, "x": 1.0}}}
CONVERSATIONS = {
    "user": [{"role": "user", "content": "Hello!"}],
    "spaces": [{"role": "user", "content": "  two \n\n lines\r\n\t"}, {"role": "assistant", "content": " yes "}, {"role": "user", "content": ""}],
    "system": [{"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": "größer? 二つ目 😀"}, {"role": "assistant", "content": "done"}],
    "long": [{"role": "system", "content": "s"}] + [{"role": r, "content": f"{r} {i} <b>&'\""} for i in range(9) for r in ("user", "assistant")],
    "bad order": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "assistant first": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
    "unknown role": [{"role": "critic", "content": "no"}],
    "extra keys": [{"role": "user", "content": "q", "name": "Ann", "n": 3}],
    "thinking": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nanswer"}, {"role": "user", "content": "q2"},
                 {"role": "assistant", "content": "<think>\nhm 2\n</think>\n\nanswer 2"}],
    "reasoning": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning": "because\n"}],
    "parts": [{"role": "user", "content": [{"type": "text", "text": " look "}, {"type": "image"}]}],
    "tool call": [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
                  {"role": "tool", "content": "12 °C", "tool_call_id": "abc123def"}, {"role": "assistant", "content": "Cold."}],
    "two tool calls": [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]},
                       {"role": "tool", "content": {"content": {"t": 12}}}, {"role": "tool", "content": "13"}],
    "no content": [{"role": "user"}, {"role": "assistant", "content": None}],
    "empty": [],
}
VARIABLES = [{}, {"tools": TOOLS}, {"enable_thinking": False, "documents": [{"title": "b title", "text": "some words that are long enough"}, {"title": "A", "text": "t"}]}]
BOS, EOS = "<s>", "</s>"


def reference(tokenizer, template, line):
    variables = {k: v for k, v in line.items() if k not in ("messages", "add_generation_prompt")}
    try:
        return {"text": tokenizer.apply_chat_template(line["messages"], chat_template=template, tokenize=False,
                                                      add_generation_prompt=line["add_generation_prompt"], **variables)}
    except Exception as error:
        return {"error": str(error) if type(error) is jinja2.exceptions.TemplateError else ""}


def rendered(engine, template, lines, *options, files=()):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps({"bos_token": BOS, "eos_token": {"content": EOS}}))
        for file in files:
            shutil.copy(file, folder)
        pathlib.Path(folder, "chat_template.jinja").write_text(template, encoding="utf-8", newline="")
        result = subprocess.run([engine, "render", "--model", folder, *options], input="".join(json.dumps(line) + "\n" for line in lines),
                                capture_output=True, text=True, encoding="utf-8")
    answers = [json.loads(line) for line in result.stdout.split("\n") if line]
    return answers if answers else [{"error": result.stderr}] * len(lines)


def is_same(found, expected):
    if "text" in expected:
        return found == expected
    return "error" in found and expected["error"] in found["error"]


def same_ids(engine, model, template, lines):
    """How many of the lines were compared, and the names of those whose ids differ."""
    # As the file says: AutoTokenizer builds some families anew, and special tokens that are named would be added to it.
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(pathlib.Path(model, "tokenizer.json")))
    compared, different = 0, []
    answers = rendered(engine, template, lines, "--tokens", files=[pathlib.Path(model, "tokenizer.json")])
    for line, found in zip(lines, answers, strict=True):
        variables = {k: v for k, v in line.items() if k not in ("messages", "add_generation_prompt")}
        try:
            ids = tokenizer.apply_chat_template(line["messages"], chat_template=template, tokenize=True, return_dict=True,
                                                add_generation_prompt=line["add_generation_prompt"], bos_token=BOS,
                                                eos_token=EOS, **variables)["input_ids"]
        except Exception:
            continue  # that the engine has an error then too is checked with the texts
        compared += 1
        if found.get("ids") != ids or [token["id"] for token in found["tokens"]] != ids:
            different.append(f"{line}: expected {ids}, found {found}")
    return compared, different


def main():
    engine, *models = sys.argv[1:]
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE()), bos_token=BOS, eos_token=EOS)
    lines = [{"messages": messages, "add_generation_prompt": prompt, **variables}
             for messages in CONVERSATIONS.values() for prompt in (False, True) for variables in VARIABLES]
    names = [name for name in CONVERSATIONS for _ in range(2 * len(VARIABLES))]
    run = failed = texts = 0
    for file in sorted(pathlib.Path(__file__).parent.glob("templates/*.jinja")):
        template = file.read_text(encoding="utf-8")
        for name, line, found in zip(names, lines, rendered(engine, template, lines), strict=True):
            expected = reference(tokenizer, template, line)
            run += 1
            texts += "text" in expected
            if not is_same(found, expected):
                failed += 1
                print(f"{file.name}, {name}: expected {expected}, found {found}", file=sys.stderr)
    print(f"{run} renderings ({texts} texts), {failed} differ")
    compared = 0
    for model in models:
        for file in sorted(pathlib.Path(__file__).parent.glob("templates/*.jinja")):
            count, different = same_ids(engine, model, file.read_text(encoding="utf-8"), lines)
            compared += count
            failed += len(different)
            for difference in different:
                print(f"{model}, {file.name}: {difference}", file=sys.stderr)
    print(f"{compared} lists of ids compared")
    return 1 if failed or not texts or (models and not compared) else 0


if __name__ == "__main__":
    sys.exit(main())
