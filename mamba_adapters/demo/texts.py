"""What the demo model says: nothing but words. `{topic}` stands for what the person asked about."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ABOUT",
    "ANY_TOPIC",
    "CAPABILITIES",
    "CLOSINGS",
    "CODE_BLOCK",
    "FAILING",
    "FILES",
    "FILLERS",
    "GREETINGS",
    "INTRODUCTIONS",
    "LISTS",
    "LIST_ITEMS",
    "LONG_CHAPTERS",
    "LONG_OPENING",
    "OFFERS",
    "SENTENCES",
    "SOURCES",
    "SOURCES_TEXT",
    "SUBMITTED",
    "TABLES",
    "THOUGHTS",
    "UNTITLED",
    "WITHOUT_TOOL",
]

ANY_TOPIC: Final = "this"
UNTITLED: Final = "New conversation"

ABOUT: Final = "I am the demo model: I run without a key, and I make everything up."

GREETINGS: Final = (
    "Hello! Good to see you.",
    "Hi there! Nice to meet you.",
    "Hey! Welcome.",
)

CAPABILITIES: Final = """Here is what you can try:

| Ask for | and you will see |
| --- | --- |
| a **form** | fields that can be filled in and sent back |
| a **chart** | a line, bar, pie or area chart |
| some **code** | a listing with highlighting |
| a **card** | a picture, a text and buttons |
| a **list** or a **table** | Markdown, as it arrives |
| *think first* | my reasoning, folded away |
| *with sources* | links below the answer |
| a **long** answer | something to scroll, or to stop |
| *fail* | how an error looks |

Two things in one sentence work as well: try “a bar chart and a card”.
"""

INTRODUCTIONS: Final = (
    "You asked about **{topic}**. Let me put it simply.",
    "A fine thing to ask about: **{topic}**.",
    "Here is the short version of **{topic}**.",
    "Let us look at **{topic}** together.",
)

SENTENCES: Final = (
    "Most people begin with the part that they can see, and that is a good place to begin.",
    "Underneath there are usually *two or three* ideas that carry all the rest.",
    "What looks complicated at first is often a few simple rules, applied again and again.",
    "A small example tells more than a long definition, so it pays to try one early.",
    "The details differ from place to place, but the pattern stays the same.",
    "It helps to ask what would happen **without** it: the answer shows what it is for.",
    "Numbers make it concrete; write down three of them before you argue about any.",
    "If you have ten minutes only, spend them on the question and not on the tools.",
    "Experts disagree about the edges, hardly ever about the middle.",
    "And when in doubt, change one thing at a time and look again.",
)

OFFERS: Final = (
    "Shall I show it as a chart, a table or a card?",
    "Ask me for a list, a chart or some code if you would like to see it another way.",
    "Would a longer answer help? Just say “long”.",
)

LISTS: Final = (
    "Here are some points about **{topic}**:",
    "A short list for **{topic}**:",
)
LIST_ITEMS: Final = (
    "**Begin small.** One case that works is worth ten plans.",
    "**Name things well.** The right word saves a paragraph.",
    "**Look at real examples** before you decide what is typical.",
    "**Write down the limits:** how much, how often, how long.",
    "**Ask who else needs it,** and what they would call it.",
    "**Leave out one part** and see whether anybody misses it.",
    "**Keep notes.** Next month you will have forgotten why.",
    "**Share it early,** while it is still easy to change.",
)

TABLES: Final = (
    """Here is **{topic}** as a table:

| Step | What happens | Takes |
| --- | --- | ---: |
| Collect | gather what is there | 2 days |
| Sort | put like with like | 1 day |
| Try | use it on a small case | 3 days |
| Decide | keep, change or drop | 1 hour |
""",
    """Three ways to look at **{topic}**:

| View | Strength | Weakness | Score |
| :--- | :--- | :--- | ---: |
| From above | shows the whole | hides the details | 7.5 |
| From inside | shows how it works | easy to get lost | 8.1 |
| From afar | easy to compare | hard to touch | 6.4 |
""",
)

CODE_BLOCK: Final = """Here is a small example:

```python
def greet(name: str) -> str:
    \"\"\"Say hello, politely.\"\"\"
    return f"Hello, {name}!"


print(greet("world"))
```

Run it with `python greet.py`.
"""

THOUGHTS: Final = (
    "The person wants to know about {topic}. First I should make clear what is meant, because the word is used for "
    "several things. A definition alone would be dry; an example would be better. I could begin with the history, but "
    "that is not what was asked. Two or three points are enough, and the most useful one should come first. I will "
    "keep it short and offer to show more."
)

SOURCES: Final = (
    ("https://en.wikipedia.org/wiki/Special:Search?search={query}", "Wikipedia: {topic}"),
    ("https://www.wikidata.org/w/index.php?search={query}", "Wikidata: {topic}"),
    ("https://openlibrary.org/search?q={query}", "Open Library: {topic}"),
)
SOURCES_TEXT: Final = " You will find more in the sources below; I have not read them, being a demo."

LONG_OPENING: Final = "# On {topic}, at length\n\nYou wanted a long answer, so take a seat.\n"
LONG_CHAPTERS: Final = (
    "Where it comes from",
    "What it is made of",
    "How it works",
    "Where it is used",
    "What can go wrong",
    "What it costs",
    "How to begin",
    "What comes next",
)

FAILING: Final = "I will begin to answer, as you can see, but then"
WITHOUT_TOOL: Final = "I have no tool for that here, so I will put it in words. "
SUBMITTED: Final = "Thank you, that has arrived. I noted what you sent and would now pass it on."
FILES: Final = (
    "Thank you for {files}. A demo cannot look inside, but the way here works.",
    "I received {files}. Being a demo, I cannot tell you more than that.",
)

CLOSINGS: Final = (
    "Tell me if you would like it changed.",
    "Ask for another one whenever you like.",
    "What shall we look at next?",
)

FILLERS: Final = """
a about after again all also an and another answer any anything are area as ask at bar bars be before both
bullet but by call can card cards chart charts check cite cites code could create describe diagram display do
does don't draw each everything example explain file first for form forms from function generate get give good
graph graphs had has have hello help hey hi how i i'm in into is it it's its just know let like line link list
lists long longer look make many markdown may me more my need new now numbered numbers of on once one ones or
our out over pie pies please plot points print profile program questionnaire quick reason reasoning run say
script see short should show simple snippet some something source sources step steps submitted survey table
tables talk tell than thank thanks that the their them then there these think thinking this time title to tool
tools two up us use using very want was we were what what's when where which who why will with word words would
write you your
"""
"""Words that ask, or say what kind of answer is wanted; none is what the answer is about."""
