"""Names that fit one slot: a country for a country, a person for a person, an organisation for an organisation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["country", "nation", "organisation", "person"]

_COUNTRIES = """
Afghanistan Albania Algeria Andorra Angola Argentina Armenia Australia Austria Azerbaijan Bahrain Bangladesh Barbados
Belarus Belgium Belize Benin Bhutan Bolivia Botswana Brazil Bulgaria Burundi Cambodia Cameroon Canada Chile China
Colombia Croatia Cuba Cyprus Denmark Djibouti Ecuador Egypt Eritrea Estonia Ethiopia Fiji Finland France Gabon Georgia
Germany Ghana Greece Guatemala Guyana Haiti Honduras Hungary Iceland India Indonesia Iran Iraq Ireland Israel Italy
Jamaica Japan Jordan Kazakhstan Kenya Kuwait Kyrgyzstan Latvia Lebanon Lesotho Liberia Libya Lithuania Luxembourg
Madagascar Malawi Malaysia Mali Malta Mauritania Mauritius Mexico Moldova Mongolia Montenegro Morocco Mozambique Myanmar
Namibia Nepal Nicaragua Nigeria Norway Oman Pakistan Palau Panama Paraguay Peru Poland Portugal Qatar Romania Russia
Rwanda Samoa Senegal Serbia Singapore Slovakia Slovenia Somalia Spain Sudan Suriname Sweden Switzerland Syria Taiwan
Tajikistan Tanzania Thailand Togo Tonga Tunisia Turkey Turkmenistan Uganda Ukraine Uruguay Uzbekistan Vanuatu Venezuela
Vietnam Yemen Zambia Zimbabwe
""".split()
_LONG_COUNTRIES = (
    "the United States", "the United Kingdom", "Great Britain", "the Soviet Union", "the Philippines",
    "the Netherlands", "the Gambia", "Viet Nam", "South Korea", "North Korea", "New Zealand", "Saudi Arabia",
    "South Africa", "Sri Lanka", "Costa Rica", "El Salvador", "Sierra Leone", "Burkina Faso", "South Sudan",
    "the Dominican Republic", "the Czech Republic",
)  # fmt: skip
_NATIONS = """
Afghan Albanian Algerian American Argentine Australian Austrian Belgian Brazilian British Bulgarian Canadian Chilean
Chinese Colombian Cuban Danish Dutch Egyptian Ethiopian Filipino Finnish French German Greek Hungarian Indian
Indonesian Iranian Iraqi Irish Israeli Italian Japanese Korean Lebanese Libyan Mexican Moroccan Nigerian Norwegian
Pakistani Palestinian Polish Portuguese Romanian Russian Saudi Serbian Soviet Spanish Swedish Swiss Syrian Turkish
Ukrainian Venezuelan Vietnamese Yemeni
""".split()
_ORGANISATIONS = (
    *"NATO ASEAN IMF OAS ECOWAS CARICOM UNESCO UNICEF OPEC OSCE SADC IAEA USAID WTO WHO IGAD FAO ILO".split(),
    "the European Union", "the African Union", "the Security Council", "the General Assembly", "the World Bank",
    "the Human Rights Council", "the International Court of Justice", "the International Criminal Court",
    "the Arab League", "the League of Nations", "the World Health Organization", "the World Trade Organization",
    "the International Monetary Fund", "the Economic and Social Council",
)  # fmt: skip
_SAME = (
    {"the United Kingdom", "Great Britain"}, {"the Soviet Union", "Russia"}, {"Viet Nam", "Vietnam"},
    {"IMF", "the International Monetary Fund"}, {"WTO", "the World Trade Organization"},
    {"WHO", "the World Health Organization"}, {"Soviet", "Russian"},
)  # fmt: skip
_TITLES = (
    r"(?:President|Prime Minister|Foreign Minister|Secretary|Secretary of State|Secretary-General|Ambassador|"
    r"Chancellor|King|Queen|Senator|Consul|Minister|Commodore|Admiral|Mr\.|Mrs\.|Ms\.|Dr\.|Emperor|Premier|Envoy)"
)
_NAME = r"[A-ZÀ-Þ](?:\.|[^\W\d_]+)"
_PERSON = re.compile(rf"(?<![\w-]){_TITLES} (?P<name>{_NAME}(?: {_NAME}){{0,3}})")
_NO_PERSON = frozenset(
    """Administration Affairs America Assembly Board Cabinet Chairman Conference Congress Consul Council Day
    Defense Department Embassy Envoy Extraordinary For Foreign General Government High House In International Minister
    Ministers Of Office Plenipotentiary President Republic Resident Secretary Security Senate Service Special State
    States The To Treasury United University House""".split()
)
_PART_OF_LONGER = re.compile(
    r"(?:\b(?:North|South|East|West|New|Northern|Southern|Eastern|Western|Latin|Central|Papua|Equatorial|northern|southern|eastern|western|central|mainland)|"
    r"\b(?:Republic|Kingdom|State|Commonwealth|Federation|Sultanate|Principality|Emirate|Union|Bank|University|"
    r"Gulf|Sea|Treaty|Declaration) of(?: the)?|-|\b(?!The |In |On |By |And |For |When |While |To )[A-Z][\w.’]*) ?$"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A name in a text, its article included.

    Attributes:
        name: as it stands inside a sentence: "the United States" for "The United States" or "U.S.".
    """

    start: int
    end: int
    name: str
    kind: Kind


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    bare = sorted((name.removeprefix("the ") for name in names), key=lambda name: (-len(name), name))
    return re.compile(rf"(?<![\w-])(?:[Tt]he )?(?:{'|'.join(map(re.escape, bare))})(?![\w-])")


_LISTED: dict[Kind, tuple[str, ...]] = {
    "country": (*_COUNTRIES, *_LONG_COUNTRIES),
    "nation": tuple(_NATIONS),
    "organisation": _ORGANISATIONS,
}
_PATTERNS = {kind: _pattern(names) for kind, names in _LISTED.items()}
_FULL = {name.removeprefix("the "): name for names in _LISTED.values() for name in names}


@lru_cache(maxsize=20_000)
def named_in(text: str) -> tuple[Named, ...]:
    """Find the names whose kind can be told, in order; none that is part of a longer name. Cached: units come again."""
    found = [
        named for kind, pattern in _PATTERNS.items() for match in pattern.finditer(text)
        if (named := _listed(text, match, kind)) is not None
    ]  # fmt: skip
    found += [named for match in _PERSON.finditer(text) if (named := _person(match)) is not None]
    return tuple(sorted(found, key=lambda named: named.start))


def one_and_the_same(a: str, b: str) -> bool:
    """Whether two names may mean one: surnames alike, or names that stand for each other."""
    return a.split()[-1] == b.split()[-1] or any({a, b} <= names for names in _SAME)


def fitting(named: Named, text: str, document: Iterable[str]) -> list[str]:
    """Other names of the same kind that a document's units hold and a text does not, each once, sorted."""
    held = {other.name for other in named_in(text)}
    names = {other.name for unit in document for other in named_in(unit) if other.kind == named.kind}
    return sorted(name for name in names if name.split()[-1] not in text and not _known(name, held))


def _known(name: str, held: Iterable[str]) -> bool:
    return any(one_and_the_same(name, other) for other in held)


def put(sentence: str, named: Named, name: str) -> str:
    """Put another name in the place of one, with a capital where the sentence begins."""
    made = name[:1].upper() + name[1:] if named.start == 0 else name
    rest = re.sub(r"^[’'](?=[ .,])", lambda mark: mark.group() + "s" * (not made.endswith("s")), sentence[named.end :])
    return sentence[: named.start] + made + rest


def _listed(text: str, match: re.Match[str], kind: Kind) -> Named | None:
    bare = re.sub(r"^[Tt]he ", "", match.group())
    start = match.end() - len(bare) if kind == "nation" else match.start()
    has_article = match.group() != bare
    full = _FULL[bare]
    if kind != "nation" and has_article != full.startswith("the "):
        if has_article:
            return None
        full = bare
    after = text[match.end() :]
    goes_on = kind != "nation" and re.match(r" (?:[A-Z]|\([A-Z])", after)
    if (
        goes_on
        or _PART_OF_LONGER.search(text[: match.start()])
        or (kind == "nation" and re.match(r" [A-Z]|s\b", after))
    ):
        return None
    return Named(start, match.end(), full, kind)


def _person(match: re.Match[str]) -> Named | None:
    words = match["name"].split()
    if any(word in _NO_PERSON for word in words) or len(words[-1]) < 3:
        return None
    return Named(match.start("name"), match.end("name"), match["name"], "person")
