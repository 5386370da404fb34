"""RWKV-5.2, 6.0 and 7.0 in NumPy, one token at a time, from a tuned state: shares no code.

The wkv state S is [head, value, key] in all of them, as the kernels of state tuning have it; so
is what ``blocks.<layer>.att.time_state`` holds.  Formulas: the model code at
github.com/BlinkDL/RWKV-LM, in float64.
"""

import numpy as np


def logits_after(tensors, tokens, generation, tuned=None):
    """Logits (V,) after the last of ``tokens``; ``tuned`` are the tensors of a tuned state."""
    weights = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    start = {name: tensor.double().numpy() for name, tensor in (tuned or {}).items()}
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    heads, size = _heads(weights, generation)
    width = weights["emb.weight"].shape[1]
    states = []
    for layer in range(layers):
        b = f"blocks.{layer}."
        blank = np.zeros((heads, size, size))
        states.append(
            [
                start.get(b + "att.ts_state", np.zeros(width)).reshape(-1),
                start.get(b + "att.time_state", blank).copy(),
                start.get(b + "ffn.ts_state", np.zeros(width)).reshape(-1),
            ]
        )
    for token in tokens:
        x = _norm(weights["emb.weight"][token], weights, "blocks.0.ln0")
        first = None
        for layer, state in enumerate(states):
            b = f"blocks.{layer}."
            h = _norm(x, weights, b + "ln1")
            out, first = _MIX[generation](weights, b + "att.", h, state, first)
            x, state[0] = x + out, h
            h = _norm(x, weights, b + "ln2")
            x, state[2] = x + _feed(weights, b + "ffn.", h, state[2], generation), h
    return weights["head.weight"] @ _norm(x, weights, "ln_out")


def _heads(w, generation):
    name = {"5.2": "att.time_decay", "6.0": "att.time_faaaa", "7.0": "att.r_k"}[generation]
    return w["blocks.0." + name].shape


def _norm(x, w, name, eps=1e-5):
    centred = x - x.mean()
    return centred / np.sqrt((centred**2).mean() + eps) * w[name + ".weight"] + w[name + ".bias"]


def _group(y, w, name, eps=64e-5):
    centred = y - y.mean(1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(1, keepdims=True) + eps)
    return scaled.reshape(-1) * w[name + ".weight"] + w[name + ".bias"]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _wkv(state, r, k, v, decay, bonus):
    """One token of 5 and 6: y before the update, which decays along the keys."""
    s = state[1]
    added = v[:, :, None] * k[:, None, :]
    y = ((s + bonus[:, None, :] * added) * r[:, None, :]).sum(2)
    state[1] = s * decay[:, None, :] + added
    return y


def _mix5(w, a, h, state, _):
    shape = w[a + "time_decay"].shape
    mixed = {
        x: h * w[f"{a}time_mix_{x}"].reshape(-1)
        + state[0] * (1 - w[f"{a}time_mix_{x}"].reshape(-1))
        for x in "kvrg"
    }
    r = (w[a + "receptance.weight"] @ mixed["r"]).reshape(shape)
    k = (w[a + "key.weight"] @ mixed["k"]).reshape(shape)
    v = (w[a + "value.weight"] @ mixed["v"]).reshape(shape)
    g = w[a + "gate.weight"] @ mixed["g"]
    y = _wkv(state, r, k, v, np.exp(-np.exp(w[a + "time_decay"])), w[a + "time_faaaa"])
    return w[a + "output.weight"] @ (_group(y, w, a + "ln_x") * g * _sigmoid(g)), None


def _mix6(w, a, h, state, _):
    shape, dx = w[a + "time_faaaa"].shape, state[0] - h
    ranks = np.tanh((h + dx * w[a + "time_maa_x"].reshape(-1)) @ w[a + "time_maa_w1"]).reshape(
        5, -1
    )
    x = {
        name: h + dx * (w[f"{a}time_maa_{name}"].reshape(-1) + ranks[i] @ w[a + "time_maa_w2"][i])
        for i, name in enumerate("wkvrg")
    }
    r = (w[a + "receptance.weight"] @ x["r"]).reshape(shape)
    k = (w[a + "key.weight"] @ x["k"]).reshape(shape)
    v = (w[a + "value.weight"] @ x["v"]).reshape(shape)
    g = w[a + "gate.weight"] @ x["g"]
    low = np.tanh(x["w"] @ w[a + "time_decay_w1"]) @ w[a + "time_decay_w2"]
    decay = np.exp(-np.exp(w[a + "time_decay"].reshape(-1) + low)).reshape(shape)
    y = _wkv(state, r, k, v, decay, w[a + "time_faaaa"])
    return w[a + "output.weight"] @ (_group(y, w, a + "ln_x") * g * _sigmoid(g)), None


def _mix7(w, a, h, state, first):
    shape, dx = w[a + "r_k"].shape, state[0] - h
    x = {name: h + dx * w[f"{a}x_{name}"].reshape(-1) for name in "rwkvag"}
    r, k, v = (w[f"{a}{n}.weight"] @ x[n[0]] for n in ("receptance", "key", "value"))
    low = {
        "w": np.tanh(x["w"] @ w[a + "w1"]) @ w[a + "w2"],
        "a": x["a"] @ w[a + "a1"] @ w[a + "a2"],
    }
    decay = np.exp(-0.606531 * _sigmoid(w[a + "w0"].reshape(-1) + low["w"])).reshape(shape)
    rate = _sigmoid(w[a + "a0"].reshape(-1) + low["a"])
    g = _sigmoid(x["g"] @ w[a + "g1"]) @ w[a + "g2"]
    kk = (k * w[a + "k_k"].reshape(-1)).reshape(shape)
    kk = kk / np.maximum(np.sqrt((kk**2).sum(1, keepdims=True)), 1e-12)
    k = k * (1 + (rate - 1) * w[a + "k_a"].reshape(-1))
    if first is None:
        first = v
    else:
        v = v + (first - v) * _sigmoid(w[a + "v0"].reshape(-1) + x["v"] @ w[a + "v1"] @ w[a + "v2"])
    r, k, v, rate = (one.reshape(shape) for one in (r, k, v, rate))
    s = state[1]
    removed = (s * -kk[:, None, :]).sum(2)
    s = s * decay[:, None, :] + removed[:, :, None] * (kk * rate)[:, None, :]
    s = state[1] = s + v[:, :, None] * k[:, None, :]
    y = _group((s * r[:, None, :]).sum(2), w, a + "ln_x").reshape(shape)
    y = y + (r * k * w[a + "r_k"]).sum(1, keepdims=True) * v
    return w[a + "output.weight"] @ (y.reshape(-1) * g), first


_MIX = {"5.2": _mix5, "6.0": _mix6, "7.0": _mix7}


def _feed(w, f, h, last, generation):
    if generation == "5.2":
        k, r = (h * m + last * (1 - m) for m in (w[f"{f}time_mix_{n}"].reshape(-1) for n in "kr"))
    elif generation == "6.0":
        k, r = (h + (last - h) * w[f"{f}time_maa_{n}"].reshape(-1) for n in "kr")
    else:
        k, r = h + (last - h) * w[f + "x_k"].reshape(-1), None
    out = w[f + "value.weight"] @ np.maximum(w[f + "key.weight"] @ k, 0) ** 2
    return out if r is None else _sigmoid(w[f + "receptance.weight"] @ r) * out
