"""Tiny random models of the families and variants that this script made: python make_models.py families .. [NAME,…]"""
import torch

SEQ_LENS = [4, 21]
PAIR_LENS = [(5, 4), (11, 12)]
GREEDY_PROMPTS = [6]
_L = dict(hidden_size=48, intermediate_size=112, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
          max_position_embeddings=256, rms_norm_eps=1e-5)
_OPT = dict(hidden_size=48, ffn_dim=96, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128)
_FALCON = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128)
_GEMMA = dict(hidden_size=48, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
              query_pre_attn_scalar=24, sliding_window=8, max_position_embeddings=256)


def rope(kind, **more):
    return dict(rope_type=kind, rope_theta=10000.0, **more)


MODELS = {
    "opt": dict(type="opt", tok="gpt2", seed=31, emb_std=0.4, cfg=dict(_OPT)),
    "opt-350m": dict(type="opt", tok="gpt2", seed=32, emb_std=0.4,
                     cfg=dict(_OPT, do_layer_norm_before=False, word_embed_proj_dim=32)),
    "falcon-7b": dict(type="falcon", tok="gpt2", seed=33, emb_std=0.4, cfg=dict(_FALCON)),
    "falcon-7b-v4cfg": dict(type="falcon", tok="gpt2", of="falcon-7b"),
    "falcon-40b": dict(type="falcon", tok="gpt2", seed=34, emb_std=0.4,
                       cfg=dict(_FALCON, new_decoder_architecture=True, num_kv_heads=2, bias=True)),
    "falcon-11b": dict(type="falcon", tok="gpt2", seed=35, emb_std=0.4,
                       cfg=dict(_FALCON, new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1)),
    "falcon-rw": dict(type="falcon", tok="gpt2", seed=36, emb_std=0.4,
                      cfg=dict(_FALCON, num_attention_heads=6, hidden_size=48, alibi=True, multi_query=False,
                               parallel_attn=False, bias=True)),
    "gpt_neox-sequential": dict(type="gpt_neox", tok="gpt2", seed=37,
                                cfg=dict(hidden_size=64, intermediate_size=160, num_hidden_layers=2, num_attention_heads=4,
                                         max_position_embeddings=128, use_parallel_residual=False,
                                         rope_parameters=rope("default", partial_rotary_factor=0.5))),
    "llama-linear": dict(type="llama", tok="gpt2", seed=38, cfg=dict(_L, rope_parameters=rope("linear", factor=4.0))),
    "llama-linear-v4cfg": dict(type="llama", tok="gpt2", of="llama-linear"),
    "llama-dynamic": dict(type="llama", tok="gpt2", seed=39, lens=[37],
                          pairs=[(5, 4), (25, 12)], cfg=dict(_L, max_position_embeddings=32, rope_parameters=rope("dynamic", factor=2.0))),
    "llama-yarn": dict(type="llama", tok="gpt2", seed=40,
                       cfg=dict(_L, rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=64))),
    "llama-yarn-v4cfg": dict(type="llama", tok="gpt2", of="llama-yarn"),
    "llama-yarn-mscale": dict(type="llama", tok="gpt2", seed=41,
                              cfg=dict(_L, rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=64,
                                                                beta_fast=16, beta_slow=2, mscale=0.8, mscale_all_dim=0.5,
                                                                truncate=False))),
    "llama-biases": dict(type="llama", tok="gpt2", seed=42, emb_std=0.4,
                         cfg=dict(_L, attention_bias=True, mlp_bias=True, head_dim=12, tie_word_embeddings=True)),
    "qwen2-window": dict(type="qwen2", tok="gpt2", seed=43, emb_std=0.4,
                         cfg=dict(_L, num_hidden_layers=3, use_sliding_window=True, sliding_window=8, max_window_layers=1)),
    "qwen2-window-v4cfg": dict(type="qwen2", tok="gpt2", of="qwen2-window"),
    "qwen3-window": dict(type="qwen3", tok="gpt2", seed=44, emb_std=0.4,
                         cfg=dict(_L, num_hidden_layers=3, head_dim=20, use_sliding_window=True, sliding_window=8,
                                  max_window_layers=2, attention_bias=True)),
    "phi3": dict(type="phi3", tok="gpt2", seed=45, cfg=dict(_L, sliding_window=12)),
    "phi3-longrope": dict(type="phi3", tok="gpt2", seed=46, lens=[37],
                          pairs=[(5, 4), (25, 12)], cfg=dict(_L, hidden_size=64, num_attention_heads=4, max_position_embeddings=64,
                                   original_max_position_embeddings=32,
                                   rope_parameters=dict(rope_type="longrope", rope_theta=10000.0,
                                                        partial_rotary_factor=0.75,
                                                        short_factor=[1.0, 1.1, 1.2, 1.3, 1.5, 1.7],
                                                        long_factor=[1.5, 2.0, 3.0, 4.0, 6.0, 8.0]))),
    "gemma2": dict(type="gemma2", tok="gpt2", seed=47, emb_std=0.15, norm_base=0.0,
                   cfg=dict(_GEMMA, num_hidden_layers=3, attn_logit_softcapping=3.0, final_logit_softcapping=8.0)),
    "gemma2-v4cfg": dict(type="gemma2", tok="gpt2", of="gemma2"),
    "gemma3": dict(type="gemma3_text", tok="gpt2", seed=48, emb_std=0.15, norm_base=0.0,
                   cfg=dict(_GEMMA, num_hidden_layers=4,
                            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
                            rope_parameters=dict(full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
                                                 sliding_attention=dict(rope_type="default", rope_theta=10000.0)))),
}
