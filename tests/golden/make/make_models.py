"""usage: python make_models.py <profile> <output root> [only name,...]
Builds tiny random models from transformers config classes and records what transformers computes with them."""
import contextlib, importlib, json, os, shutil, sys
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()


@contextlib.contextmanager
def true_float64():
    """transformers computes norms, softmax and rotary tables in float32 whatever the model's dtype; inside this
    context those up-casts go to float64, so that the run is float64 throughout (rotary inv_freq keeps its float32 value)."""
    f32, fl = torch.float32, torch.Tensor.float
    torch.float32 = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32 = f32
        torch.Tensor.float = fl


def randomise(model, seed, spec):
    g = torch.Generator().manual_seed(seed)
    gain = spec.get("gain", 1.3)
    mods = dict(model.named_modules())
    with torch.no_grad():
        for n, p in sorted(model.named_parameters()):
            owner = mods[n.rsplit(".", 1)[0]]
            cls = type(owner).__name__
            r = torch.randn(p.shape, generator=g)
            if p.ndim == 1:
                if n.endswith("bias"):
                    p.copy_(0.25 * r)
                else:  # norm weights
                    base = spec.get("norm_base", 1.0)
                    p.copy_(base + 0.35 * r)
            elif isinstance(owner, torch.nn.Embedding):
                p.copy_(spec.get("emb_std", 0.6) * r)
            else:
                fan_in = p.shape[0] if cls == "Conv1D" else p.shape[1]
                p.copy_(gain * r / fan_in ** 0.5)
        head = model.get_output_embeddings()
        if not model.config.tie_word_embeddings:
            w = head.weight
            w.copy_(spec.get("head_gain", 2.2) * torch.randn(w.shape, generator=g) / w.shape[1] ** 0.5)
            if head.bias is not None:
                head.bias.copy_(0.5 * torch.randn(head.bias.shape, generator=g))


def fresh(dirname, dtype):
    attn = "sdpa" if dirname.endswith("falcon-rw") else "eager"  # eager adds ALiBi twice
    m = AutoModelForCausalLM.from_pretrained(dirname, dtype=dtype, attn_implementation=attn)
    m.eval()
    for p in m.parameters():
        p.requires_grad_(False)
    return m


def logits(m, ids, mask=None):
    kw = {} if mask is None else {"attention_mask": mask}
    return m(input_ids=ids, use_cache=False, **kw).logits


def greedy(m, ids, n, cache):
    out, gaps, past, cur = [], [], None, ids
    for _ in range(n):
        if cache:
            o = m(input_ids=cur, past_key_values=past, use_cache=True)
            past = o.past_key_values
        else:
            o = m(input_ids=cur, use_cache=False)
        l = o.logits[0, -1].double()
        v, i = l.topk(2)
        out.append(int(i[0])); gaps.append(float(v[0] - v[1]))
        nxt = i[:1].view(1, 1)
        cur = nxt if cache else torch.cat([cur, nxt], 1)
    return out, gaps


def expected(d, spec, prof, vocab):
    torch.manual_seed(spec["seed"] + 7)
    g = torch.Generator().manual_seed(spec["seed"] + 7)
    lens = spec.get("lens", prof.SEQ_LENS)
    rnd = lambda n: torch.randint(0, vocab, (1, n), generator=g)
    f32 = fresh(d, torch.float32)
    with torch.no_grad():
        st, js = {}, {"sequences": [], "pairs": [], "greedy": []}
        seqs = [rnd(n) for n in lens]
        batch = torch.zeros(len(lens), max(lens), dtype=torch.long); mask = torch.zeros_like(batch)
        for i, s in enumerate(seqs):
            batch[i, : s.shape[1]] = s[0]; mask[i, : s.shape[1]] = 1
        l32 = [logits(f32, s) for s in seqs]
        b32 = logits(f32, batch, mask)
        f64 = fresh(d, torch.float32).double()
        logits(f64, seqs[-1])  # longrope computes its frequencies at first use: in float32, as it would
        with true_float64():
            l64 = [logits(f64, s) for s in seqs]
            b64 = logits(f64, batch, mask)
            assert l64[0].dtype == torch.float64 or True
            pairs = []
            for (a, b) in spec.get("pairs", prof.PAIR_LENS):
                p, c = rnd(a), rnd(b)
                ids = torch.cat([p, c], 1)
                lp = torch.log_softmax(logits(f64, ids).to(dtype=torch.double), -1)
                lp = lp[0, a - 1 : -1].gather(-1, c[0][:, None])[:, 0]
                pairs.append((p, c, lp))
        err = max(float((a.double() - b.double()).abs().max()) for a, b in zip(l32, l64))
        scale = float(l64[-1].abs().max())
        mb = mask.bool()
        berr = float((b32[mb].double() - b64[mb].double()).abs().max())
        for i, (s, a, b) in enumerate(zip(seqs, l32, l64)):
            st[f"seq{i}.input_ids"] = s[0].contiguous(); st[f"seq{i}.logits_f64"] = b[0].to(torch.double).contiguous()
            v, ix = b[0, -1].to(torch.double).topk(5)
            js["sequences"].append({"name": f"seq{i}", "length": s.shape[1], "input_ids": s[0].tolist(), "last_position_top5_ids": ix.tolist(), "last_position_top5_logits_f64": v.tolist()})
        st["batch.input_ids"] = batch; st["batch.attention_mask"] = mask
        st["batch.logits_f32"] = b32.float().contiguous()
        js["batch"] = {"note": "right-padded with id 0; default position ids (arange); compare only where attention_mask==1", "lengths": lens}
        for i, (p, c, lp) in enumerate(pairs):
            js["pairs"].append({"prompt_ids": p[0].tolist(), "completion_ids": c[0].tolist(), "completion_logps_f64": lp.tolist(), "sum_f64": float(lp.sum()), "mean_f64": float(lp.mean())})
        for n in spec.get("greedy_prompts", prof.GREEDY_PROMPTS):
            best = None      # a prompt whose 24 steps have no near-tie, so that rounding cannot flip an argmax
            for _ in range(40):
                p = rnd(n)
                with true_float64():
                    gap = min(greedy(f64, p, 24, True)[1])
                if best is None or gap > best[0]:
                    best = (gap, p)
                if gap > 0.03:
                    break
            p = best[1]
            a, ga = greedy(f32, p, 24, True)
            b, gb = greedy(f32, p, 24, False)
            with true_float64():
                c, gc = greedy(f64, p, 24, False)
            js["greedy"].append({"prompt_ids": p[0].tolist(), "with_cache_f32": a, "without_cache_f32": b, "without_cache_f64": c, "min_top1_top2_gap": min(gc),
                                 "note": "plain argmax for 24 steps; end-of-sequence ids are not stopped at"})
        js["f32_vs_f64_max_abs_diff"] = {"sequences": err, "batch_masked": berr, "max_abs_logit": scale}
        js["logits_shape_vocab"] = int(l64[0].shape[-1])
    agree = all(x["with_cache_f32"] == x["without_cache_f32"] == x["without_cache_f64"] for x in js["greedy"])
    js["greedy_all_agree"] = agree
    save_file(st, os.path.join(d, "expected.safetensors"))
    json.dump(js, open(os.path.join(d, "expected.json"), "w"), separators=(",", ":"))
    return err, scale, agree, min(x["min_top1_top2_gap"] for x in js["greedy"])


def copy_tokenizer(src, d):
    for f in os.listdir(src):
        if not f.startswith("cases"):
            shutil.copy(os.path.join(src, f), os.path.join(d, f))


def old_style(cfg, mt):
    """the same config as transformers 4 wrote it"""
    c = dict(cfg)
    rp = dict(c.pop("rope_parameters", None) or {})
    if rp:
        theta = rp.pop("rope_theta", 10000.0); typ = rp.pop("rope_type", "default"); prf = rp.pop("partial_rotary_factor", None)
        if mt == "gpt_neox":
            c["rotary_emb_base"] = theta; c["rotary_pct"] = prf if prf is not None else 0.25
        else:
            c["rope_theta"] = theta
        c["rope_scaling"] = None if typ == "default" else {"rope_type": typ, **rp}
        if typ == "linear":
            c["rope_scaling"] = {"type": "linear", "factor": rp["factor"]}
    if "dtype" in c:
        c["torch_dtype"] = c.pop("dtype")
    c.pop("layer_types", None)
    c["transformers_version"] = "4.46.3"
    if mt == "llama":
        c.pop("head_dim", None)
    return dict(sorted(c.items()))


def build(name, spec, prof, root):
    d = os.path.join(root, "models", name)
    shutil.rmtree(d, ignore_errors=True); os.makedirs(d)
    tokdir = os.path.join(root, "tokenizers", spec["tok"])
    tok = PreTrainedTokenizerFast(tokenizer_file=os.path.join(tokdir, "tokenizer.json"))
    tcfg = json.load(open(os.path.join(tokdir, "tokenizer_config.json")))
    vocab = len(tok)
    cfgkw = dict(spec.get("cfg", {})); cfgkw.setdefault("vocab_size", vocab + spec.get("pad_vocab", 0))
    tid = lambda k: tok.convert_tokens_to_ids(tcfg[k]) if tcfg.get(k) else None
    cfgkw.setdefault("bos_token_id", tid("bos_token")); cfgkw.setdefault("eos_token_id", tid("eos_token"))
    if isinstance(cfgkw["eos_token_id"], str) and cfgkw["eos_token_id"] == "multi":
        cfgkw["eos_token_id"] = [tid("eos_token")] + [tok.convert_tokens_to_ids(t) for t in spec["extra_eos"]]
    cfgkw.setdefault("pad_token_id", tid("pad_token"))
    if spec.get("of"):
        src = os.path.join(root, "models", spec["of"])
        cfg0 = json.load(open(os.path.join(src, "config.json")))
        shutil.copy(os.path.join(src, "generation_config.json"), d)
        st = load_file(os.path.join(src, "model.safetensors"))
        if spec.get("bare"):  # as the original GPT-2 checkpoints: no "transformer." prefix, mask buffers stored
            st = {k.removeprefix("transformer."): v for k, v in st.items()}
            for i in range(cfg0["n_layer"]):
                n = cfg0["n_positions"]
                st[f"h.{i}.attn.bias"] = torch.tril(torch.ones(n, n)).view(1, 1, n, n).contiguous()
                st[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        if spec.get("neox_extra"):
            for i in range(cfg0["num_hidden_layers"]):
                p = f"gpt_neox.layers.{i}.attention."
                st[p + "bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool); st[p + "masked_bias"] = torch.tensor(-1e9)
                st[p + "rotary_emb.inv_freq"] = torch.rand(2)
        save_file(st, os.path.join(d, "model.safetensors"), metadata={"format": "pt"})
        new = old_style(cfg0, cfg0["model_type"]) if spec.get("v4", True) else cfg0
        for k in spec.get("drop", []):
            new.pop(k, None)
        json.dump(new, open(os.path.join(d, "config.json"), "w"), indent=2); open(os.path.join(d, "config.json"), "a").write("\n")
        copy_tokenizer(tokdir, d)
        # the same numbers must come out: check here, and point at the original's expected files
        a, b = fresh(src, torch.float32), fresh(d, torch.float32)
        ids = torch.arange(3, 3 + 20)[None]
        with torch.no_grad():
            diff = float((logits(a, ids) - logits(b, ids)).abs().max())
        assert diff == 0.0, (name, diff)
        json.dump({"same_as": "../" + spec["of"], "note": "same weights; config.json (or tensor names) in another form; the expected files are those of the named folder"}, open(os.path.join(d, "expected.json"), "w"))
        print(f"{name:24s} variant of {spec['of']} diff {diff}")
        return
    config = AutoConfig.for_model(spec["type"], **cfgkw)
    torch.manual_seed(spec["seed"])
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    randomise(model, spec["seed"], spec)
    dt = spec.get("dtype", torch.float32)
    model = model.to(dt)
    model.generation_config = GenerationConfig.from_model_config(model.config)
    model.save_pretrained(d, max_shard_size=spec.get("shard", "1GB"))
    copy_tokenizer(tokdir, d)
    err, scale, agree, gap = expected(d, spec, prof, vocab)
    sz = sum(os.path.getsize(os.path.join(d, f)) for f in os.listdir(d))
    print(f"{name:24s} err {err:.2e} of {scale:.1f}  greedy agree {agree} gap {gap:.3f}  {sz/1e6:.2f} MB  {sorted(f for f in os.listdir(d) if 'model' in f)}", flush=True)


def main():
    prof = importlib.import_module(sys.argv[1]); root = sys.argv[2]
    only = sys.argv[3].split(",") if len(sys.argv) > 3 else None
    for name, spec in prof.MODELS.items():
        if only and name not in only:
            continue
        build(name, spec, prof, root)


if __name__ == "__main__":
    main()
