"""The authors' own test of text pools, on the pools of `bench:compare --part texts --pool FILE`: PyPI `model-equality-testing` 0.0.2.

python text-baselines.py POOL.json [PAIRS]

POOL.json: {"case": [[{"prompt", "one", "other"}, ...] per run]}. For each case it prints how many runs the maximum mean discrepancy with a Hamming
kernel rejects at 1 % from all pairs (p by permutation). That test looks once, at a number of pairs that is fixed beforehand.
"""

import json
import sys

import numpy as np
from model_equality_testing.algorithm import run_two_sample_test
from model_equality_testing.distribution import CompletionSample
from model_equality_testing.utils import pad_to_length, tokenize_unicode

LENGTH = 120
LEVEL = 0.01
PERMUTATIONS = 100


def sample_of(prompts: np.ndarray, texts: list[str], count: int) -> CompletionSample:
    """Texts as code points, in the form that the package wants."""
    completions = pad_to_length(tokenize_unicode([text[:LENGTH] for text in texts]), L=LENGTH)
    return CompletionSample(prompts=prompts, completions=np.asarray(completions), m=count)


def main() -> None:
    """One row for each case."""
    pools = json.load(open(sys.argv[1], encoding="utf-8"))
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 350
    print("| case | pairs | rejected at 1 % | median p |\n| --- | ---: | ---: | ---: |")
    for case, runs in pools.items():
        values = []
        for run in runs:
            pairs = run[:most]
            names = {prompt: index for index, prompt in enumerate(sorted({pair["prompt"] for pair in pairs}))}
            prompts = np.array([names[pair["prompt"]] for pair in pairs])
            one, other = (sample_of(prompts, [pair[party] for pair in pairs], len(names)) for party in ("one", "other"))
            p, _ = run_two_sample_test(one, other, pvalue_type="permutation_pvalue", stat_type="mmd_hamming", b=PERMUTATIONS)
            values.append((p * PERMUTATIONS + 1) / (PERMUTATIONS + 1))
        rejected = sum(value <= LEVEL for value in values)
        print(f"| {case} | {most} | {rejected} of {len(values)} | {np.median(values):.3f} |", flush=True)


if __name__ == "__main__":
    main()
