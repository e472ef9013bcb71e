"""The starter grammar as a source of random reviews whose probability is known.

Every choice a Writer makes goes through `choose`, which adds -log p of what it chose to `nats`. A review's nats are
therefore -log of the probability of this way of writing it: an upper bound on -log p(review | prompt), and equal to it
but for the few reviews that can be written in two ways. Averaged over a corpus it is the loss that no model can beat.
"""

import json
import math
import random
import re

SLOT = re.compile(r"\{([^}]+)\}")


class Grammar:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.data = json.load(file)
        self.lists = self.data["lists"]
        self.facts = self.data["facts"]
        self.kindOfForm = {form: kind for kind, fact in self.facts.items() for form in fact["forms"]}

    def factsIn(self, template):
        """Kinds of fact that a template speaks of."""
        slots = (slot.lower() for slot in SLOT.findall(template))
        return {self.kindOfForm[slot] for slot in slots if slot in self.kindOfForm}


class Writer:
    def __init__(self, grammar, seed):
        self.grammar = grammar
        self.random = random.Random(seed)
        self.nats = 0.0
        self.used = set()

    def choose(self, options):
        """One of a list, or one key of a table of weights."""
        if not isinstance(options, dict):
            self.nats += math.log(len(options))
            return options[int(self.random.random() * len(options))]
        total = sum(options.values())
        point = self.random.random() * total
        for option, weight in options.items():
            point -= weight
            if point < 0:
                break
        self.nats -= math.log(weight / total)
        return option

    def chance(self, probability):
        return self.choose({True: probability, False: 1 - probability})

    def fill(self, template, facts):
        def value(match):
            slot = match.group(1)
            name = slot.lower()
            kind = self.grammar.kindOfForm.get(name)
            if kind is not None:
                text = facts[kind][self.grammar.facts[kind]["forms"].index(name)]
            else:
                fresh = [word for word in self.grammar.lists[name] if word not in self.used]
                text = self.choose(fresh or self.grammar.lists[name])
                self.used.add(text)
            return text[0].upper() + text[1:] if slot[0].isupper() else text

        return SLOT.sub(value, template)

    def prompt(self):
        """A prompt and its facts."""
        template = self.choose(self.grammar.data["prompts"])
        facts = {kind: self.choose(self.grammar.facts[kind]["values"]) for kind in sorted(self.grammar.factsIn(template))}
        return self.fill(template, facts), facts

    def review(self, facts):
        """A review, its flaw ("none" where it has none) and its -log p."""
        self.nats = 0.0
        self.used = set()
        text, flaw = Review(self, facts).write()
        return text, flaw, self.nats


class Review:
    """One review on its way: which mood and flaw it has, and what has been said."""

    def __init__(self, writer, facts):
        self.writer = writer
        self.facts = facts
        self.data = writer.grammar.data
        self.shape = self.data["shape"]
        self.said = []  # sentences without their link
        self.judged = {}  # aspect -> mood

    def write(self):
        choose = self.writer.choose
        count = int(choose(self.shape["sentences"]))
        mood = choose(self.shape["mood"])
        flaw = choose(self.shape["flaw"])
        self.mood = mood.split()[-1]
        flawAt = choose(range(1, count)) if flaw.startswith(("repetition", "contradiction")) else None
        # The one sentence of another mood in a mixed review stands neither first nor where the flaw is.
        free = [place for place in range(1, count) if place != flawAt]
        otherAt = choose(free) if mood.startswith("mostly") else None
        sentences = []
        for place in range(count):
            if place == flawAt:
                sentences.append(self.flawed(flaw))
            elif place == 0:
                sentences.append(self.opening())
            elif place == otherAt:
                sentences.append(self.judgement(self.other(self.mood), "opposed"))
            elif place == count - 1 and self.writer.chance(self.shape["closing verdict"]):
                sentences.append(self.verdict("closing"))
            else:
                sentences.append(self.body())
        text = " " + " ".join(sentences)
        if flaw == "trailing off":
            text = text[:-1] + choose(self.data["tails"])
        return text, flaw

    @staticmethod
    def other(mood):
        return "cold" if mood == "warm" else "warm"

    def sayable(self, templates):
        known = [t for t in templates if self.writer.grammar.factsIn(t) <= self.facts.keys()]
        return [t for t in known if t not in self.writer.used]

    def say(self, templates, facts=None):
        template = self.writer.choose(self.sayable(templates))
        self.writer.used.add(template)
        self.said.append(self.writer.fill(template, facts or self.facts))
        return self.said[-1]

    def opening(self):
        if self.writer.chance(self.shape["neutral opening"]):
            return self.say(self.data["neutral"]["opening"])
        return self.verdict("opening")

    def verdict(self, place):
        self.judged["film"] = self.mood
        return self.say(self.data["film"][place][self.mood])

    def body(self):
        if self.writer.chance(self.shape["neutral body"]):
            return self.say(self.data["neutral"]["body"])
        link = self.mood if self.mood in self.judged.values() and self.writer.chance(self.shape["link"]) else None
        return self.judgement(self.mood, link)

    def judgement(self, mood, link):
        aspects = self.data["aspects"]
        fresh = [name for name in aspects if name not in self.judged and self.sayable(aspects[name][mood])]
        aspect = self.writer.choose(fresh)
        self.judged[aspect] = mood
        sentence = self.say(aspects[aspect][mood])
        if link is None:
            return sentence
        if not sentence.startswith("I "):
            sentence = sentence[0].lower() + sentence[1:]
        return self.writer.choose(self.data["links"][link]) + " " + sentence

    def flawed(self, flaw):
        if flaw == "repetition":
            return self.writer.choose(self.said)
        if flaw == "contradiction of fact":
            return self.wrongFact()
        aspect = self.writer.choose(list(self.judged)) if self.judged else None
        if aspect is None:  # nothing judged yet: judge it now, and then the other way
            first = self.judgement(self.mood, None)
            aspect = next(iter(self.judged))
            return first + " " + self.turned(aspect)
        return self.turned(aspect)

    def turned(self, aspect):
        mood = self.other(self.judged[aspect])
        if aspect == "film":
            return self.say(self.data["film"]["closing"][mood])
        return self.say(self.data["aspects"][aspect][mood])

    def wrongFact(self):
        kind = self.writer.choose(sorted(self.facts.keys()))
        wrong = [value for value in self.writer.grammar.facts[kind]["values"] if value != self.facts[kind]]
        facts = dict(self.facts, **{kind: self.writer.choose(wrong)})
        neutral = self.data["neutral"]
        templates = [t for t in neutral["opening"] + neutral["body"] if kind in self.writer.grammar.factsIn(t)]
        return self.say(templates, facts)
