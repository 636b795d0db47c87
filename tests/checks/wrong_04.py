"""Plausible wrong answers to the exercises of lesson 04."""

import numpy as np


def no_warmup(step, total, warmup, decay):
    return min(1, (total - step) / decay)


def no_decay(step, total, warmup, decay):
    return min(1, step / warmup)


def down_at_once(step, total, warmup, decay):
    return min(step / warmup, (total - step) / (total - warmup))


def cosine(step, total, warmup, decay):
    left = max(0, (total - step) / decay)
    return min(1, step / warmup, (1 - np.cos(np.pi * left / 2)) if left < 1 else 1)


def product(step, total, warmup, decay):
    return step / warmup if step < warmup else 1 if step < total - decay else 0


def last_one(at, losses, later):
    return losses[-1]


def straight(at, losses, later):
    slope, height = np.polyfit(at, losses, 1)
    return height + slope * later


def forever(at, losses, later):
    return np.polyfit(1 / np.sqrt(at), losses, 1)[1]


def in_logarithms(at, losses, later):
    slope, height = np.polyfit(np.log(at), np.log(losses), 1)
    return np.exp(height + slope * np.log(later))


def two_points(at, losses, later):
    x = 1 / np.sqrt(at)
    slope = (losses[1] - losses[0]) / (x[1] - x[0])
    return losses[0] + slope * (1 / np.sqrt(later) - x[0])


WRONG = {
    "04.1": [
        (lambda tokens: (tokens, tokens), "5 tokens gave 5 exercises"),
        (lambda tokens: (tokens[:-1], tokens[:-1]), "the target is the input itself"),
        (lambda tokens: (tokens[1:], tokens[:-1]), "predicts backwards"),
        (lambda tokens: (tokens[:-1], tokens), "4 inputs but 5 targets"),
        (lambda tokens: tokens[1:], "two rows are wanted"),
        (lambda tokens: (tokens[:-1], np.roll(tokens, 1)[:-1]), "all but the first, both in their order"),
    ],
    "04.2": [
        (no_warmup, "it starts at full height"),
        (no_decay, "over the last `decay` steps it falls to 0"),
        (down_at_once, "before the decay, it is 1"),
        (cosine, "the fall is a line"),
        (product, "the fall is a line"),
    ],
    "04.3": [
        (last_one, "the last loss measured"),
        (straight, "below zero"),
        (forever, "infinitely many steps"),
        (in_logarithms, "is at"),
        (two_points, "use all of its points"),
    ],
}
