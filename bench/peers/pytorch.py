"""PyTorch's side of the benchmark. Each line of standard input asks for {"work": NAME, "variant": VARIANT, "iterations": N}; the answer is
{"ms": [...], "parameters": N, "peakBytes": N}, or {"error": WHY} where that variant cannot run here.

A variant is "eager", or some of "channels-last", "fused" (the optimiser in one kernel), "torchdistill" (its loss) and "compiled", joined by
spaces. All cores compute, unless BENCH_THREADS says how many.
"""

import json
import os
import sys
import time

import torch

from torch_work import WORK

torch.set_num_threads(int(os.environ.get("BENCH_THREADS", os.cpu_count() or 1)))


def options_of(variant):
    words = variant.split()
    return {
        "channels_last": "channels-last" in words,
        "fused": "fused" in words,
        "compiled": "compiled" in words,
        "torchdistill": "torchdistill" in words,
    }


def peak_bytes():
    """The most memory that this process has held; None where the system does not say."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return None


def run(ready, request):
    key = (request["work"], request["variant"])
    if key not in ready:
        torch.manual_seed(0)
        ready[key] = WORK[key[0]](options_of(key[1]))
    step, count = ready[key]
    times = []
    for _ in range(request["iterations"]):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return {"ms": times, "parameters": count, "peakBytes": peak_bytes()}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What compilers print must not mix with the answers.
    print(json.dumps({"peer": f"PyTorch {torch.__version__.split('+')[0]}"}), file=answers, flush=True)
    ready = {}
    for line in sys.stdin:
        try:
            answer = run(ready, json.loads(line))
        except Exception as error:
            lines = str(error).strip().splitlines()
            answer = {"error": f"{type(error).__name__}: {lines[0] if lines else ''}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
