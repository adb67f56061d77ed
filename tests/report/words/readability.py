"""How many years of school a text takes: the Flesch-Kincaid grade, with a plain count of syllables.

    0.39 words per sentence + 11.8 syllables per word - 15.59

(Kincaid et al. 1975, US Navy). Numbers count as one word of two syllables; abbreviations are not
expected.
"""

import re

WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|\d[\d.,%]*")
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
EXCEPTIONS = {"people": 2, "somebody": 3, "someone": 2, "something": 2, "coin": 1, "being": 2}


def count_syllables(word):
    """Groups of vowels; a silent e at the end does not count, -le after a consonant does."""
    if word[0].isdigit():
        return 2
    word = word.lower()
    if word in EXCEPTIONS:
        return EXCEPTIONS[word]
    if "-" in word:
        return sum(count_syllables(part) for part in word.split("-") if part)
    stem = word.replace("'", "")
    if not re.search(r"(s|c|z|g|x|ch|sh)es$", stem):
        stem = re.sub(r"(?<=[^aeiouyl])e(s|d)?$", r"\1", stem)
    stem = re.sub(r"(?<=[aeiouy]l)e(s|d)?$", r"\1", stem)
    count = len(re.findall(r"[aeiouy]+", stem))
    return max(count + len(re.findall(r"(?<=[ct])ed$", word)), 1)


def grade(text):
    sentences = max(len(SENTENCE_END.findall(text)), 1)
    words = WORD.findall(text)
    syllables = sum(map(count_syllables, words))
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59
