"""What the seeded batches ask, and what they are answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PLACE = "{n}"
"""Stands for a request's number in a prompt."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A job that someone runs again and again."""

    title: str
    """`{day}` stands for the day it is run."""
    team: str
    model: str
    endpoint: str
    prefix: str
    """Of the custom ids."""
    system: str
    asked: tuple[tuple[str, str], ...]
    """Prompts with their answers."""

    def request(self, prompt: str) -> dict[str, Any]:
        """One request, with `PLACE` for its number."""
        body: dict[str, Any] = {"model": self.model}
        if self.endpoint == "/v1/chat/completions":
            body["messages"] = [
                {"role": "system", "content": self.system},
                {"role": "user", "content": prompt},
            ]
            body["max_tokens"] = 200
            if self.asked[0][1].startswith("{"):
                body["response_format"] = {"type": "json_object"}
        elif self.endpoint == "/v1/responses":
            body["instructions"] = self.system
            body["input"] = prompt
            body["max_output_tokens"] = 400
        elif self.endpoint == "/v1/completions":
            body["prompt"] = prompt
            body["max_tokens"] = 120
        else:
            body["input"] = prompt
        custom_id = f"{self.prefix}-{PLACE}"
        return {"custom_id": custom_id, "method": "POST", "url": self.endpoint, "body": body}


def _labels(**values: object) -> str:
    return json.dumps(values)


CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"

TICKETS = Kind(
    "Nightly ticket triage {day}",
    "support",
    "gpt-4o-mini",
    CHAT,
    "ticket",
    "Read the ticket and answer with JSON: category (billing, delivery, account, bug, "
    "praise) and priority 1 to 4.",
    (
        (
            "Ticket {n}: I was charged twice for my October order and the second charge is still pending. "
            "Please send it back.",
            _labels(category="billing", priority=2),
        ),
        (
            "Ticket {n}: Parcel has said 'out for delivery' for three days now. Is it lost?",
            _labels(category="delivery", priority=2),
        ),
        (
            "Ticket {n}: Cannot log in since the update, the code by text message never arrives. "
            "I have a presentation at nine!",
            _labels(category="account", priority=1),
        ),
        (
            "Ticket {n}: The export button does nothing in Firefox, works in Chrome. Console "
            "says 'undefined is not a "
            "function'.",
            _labels(category="bug", priority=3),
        ),
        (
            "Ticket {n}: Just wanted to say that Marta from your team was wonderful. Thank you!",
            _labels(category="praise", priority=4),
        ),
        (
            "Ticket {n}: Please change the invoice address to our new office, VAT number stays the same.",
            _labels(category="billing", priority=3),
        ),
        (
            "Ticket {n}: The left sleeve is longer than the right one. Photos attached. Refund or exchange?",
            _labels(category="delivery", priority=3),
        ),
    ),
)

REVIEWS = Kind(
    "Review sentiment {day}",
    "insights",
    "gpt-4.1-mini",
    CHAT,
    "review",
    "Label the review with JSON: sentiment (positive, neutral, negative), topics (a list) "
    "and stars you would guess.",
    (
        (
            "Review {n}: Battery lasts two days, screen is bright, but the case scratches if you look at it.",
            _labels(sentiment="positive", topics=["battery", "screen", "case"], stars=4),
        ),
        (
            "Review {n}: Arrived broken. Second one arrived broken too. Never again.",
            _labels(sentiment="negative", topics=["shipping", "quality"], stars=1),
        ),
        (
            "Review {n}: Does what it says. Nothing more, nothing less.",
            _labels(sentiment="neutral", topics=["value"], stars=3),
        ),
        (
            "Review {n}: My mother (81) set it up without calling me. Best purchase of the year 🙂",
            _labels(sentiment="positive", topics=["setup"], stars=5),
        ),
        (
            "Review {n}: Fan noise after 20 minutes, otherwise fine. Support answered within an hour.",
            _labels(sentiment="neutral", topics=["noise", "support"], stars=3),
        ),
    ),
)

CATALOGUE = Kind(
    "Product descriptions, winter catalogue",
    "marketing",
    "gpt-4o",
    CHAT,
    "sku",
    "Write one warm, concrete sentence for the catalogue. No superlatives.",
    (
        (
            "SKU {n}: wool beanie, ribbed, undyed, knitted in Porto, one size",
            "A ribbed beanie in undyed wool, knitted in Porto and soft enough to forget you are wearing it.",
        ),
        (
            "SKU {n}: enamel mug, 350 ml, dark green with cream rim, dishwasher safe",
            "A dark green enamel mug with a cream rim that holds a generous coffee and "
            "shrugs off the dishwasher.",
        ),
        (
            "SKU {n}: waxed canvas backpack, 18 l, brass buckles, laptop sleeve 14 inch",
            "Waxed canvas, brass buckles and a padded sleeve: eighteen litres that are as "
            "much at home on the "
            "train as on the trail.",
        ),
        (
            "SKU {n}: beeswax candle, hand dipped, 22 cm, burns nine hours",
            "A hand-dipped beeswax candle that fills a long evening, nine hours of it, with "
            "the smell of honey.",
        ),
    ),
)

ARTICLES = Kind(
    "Embed help centre articles {day}",
    "search",
    "text-embedding-3-small",
    EMBEDDINGS,
    "article",
    "",
    (
        ("Article {n}: How to change the delivery address after an order has been placed", ""),
        ("Article {n}: Two-step sign-in: what to do when the phone is lost", ""),
        ("Article {n}: Reading your invoice, line by line, including VAT and rounding", ""),
        ("Article {n}: Exporting your data as CSV and opening it in a spreadsheet", ""),
    ),
)

PRODUCTS = Kind(
    "Embed product catalogue",
    "search",
    "text-embedding-3-small",
    EMBEDDINGS,
    "product",
    "",
    (
        ("Product {n}: rain jacket, recycled nylon, taped seams, packs into its own pocket", ""),
        ("Product {n}: cast iron pan, 26 cm, pre-seasoned, fits induction, made in Sweden", ""),
        ("Product {n}: desk lamp, dimmable, warm to cold white, USB-C, aluminium", ""),
    ),
)

INVOICES = Kind(
    "Invoice field extraction {day}",
    "finance",
    "gpt-4o",
    RESPONSES,
    "invoice",
    "Extract supplier, date, currency, net and tax as JSON. Leave out what is not there.",
    (
        (
            "INVOICE {n}\nNordkabel AS, Bergen\n14.10.2026\nSum eks. mva 12 400,00 NOK\nMva "
            "25 % 3 100,00 NOK",
            _labels(supplier="Nordkabel AS", date="2026-10-14", currency="NOK", net=12400.0, tax=3100.0),
        ),
        (
            "Rechnung {n}\nKlein & Söhne GmbH, Ulm\nDatum 02.11.2026\nNetto 845,50 EUR\nUSt 19 % 160,65 EUR",
            _labels(supplier="Klein & Söhne GmbH", date="2026-11-02", currency="EUR", net=845.5, tax=160.65),
        ),
        (
            "Invoice no. {n}\nHarbour Print Ltd\n3 Nov 2026\nNet GBP 212.00\nVAT 20% GBP 42.40",
            _labels(supplier="Harbour Print Ltd", date="2026-11-03", currency="GBP", net=212.0, tax=42.4),
        ),
    ),
)

CLAUSES = Kind(
    "Contract clause tagging, master agreements",
    "legal",
    "o4-mini",
    RESPONSES,
    "clause",
    "Tag the clause: one of liability, termination, confidentiality, payment, governing law. One word.",
    (
        (
            "Clause {n}: Neither party shall be liable for indirect or consequential loss, "
            "save for wilful misconduct.",
            "liability",
        ),
        (
            "Clause {n}: Either party may terminate this agreement with ninety days' notice in writing.",
            "termination",
        ),
        (
            "Clause {n}: The Recipient shall keep the Information secret for five years after disclosure.",
            "confidentiality",
        ),
        ("Clause {n}: Invoices fall due thirty days after receipt, without deduction.", "payment"),
        ("Clause {n}: This agreement is governed by the laws of Portugal.", "governing law"),
    ),
)

COMMENTS = Kind(
    "Comment moderation {day}",
    "trust",
    "omni-moderation-latest",
    "/v1/moderations",
    "comment",
    "",
    (
        ("Comment {n}: first! also: great video, subscribed", ""),
        ("Comment {n}: you clearly have not read the article, have you", ""),
        ("Comment {n}: does anyone know the song at 2:31?", ""),
    ),
)

STRINGS = Kind(
    "Translate interface strings to French",
    "localisation",
    "gpt-4.1-mini",
    CHAT,
    "string",
    "Translate the interface string to French. Keep placeholders such as %s. Answer with the string alone.",
    (
        ("[{n}] Save changes?", "Enregistrer les modifications ?"),
        ("[{n}] %s files were moved to the bin", "%s fichiers ont été déplacés vers la corbeille"),
        ("[{n}] Your session has ended. Please sign in again.", "Votre session a expiré. Reconnectez-vous."),
        ("[{n}] Try again in %s seconds", "Réessayez dans %s secondes"),
    ),
)

CALLS = Kind(
    "Call summaries {day}",
    "sales",
    "gpt-5-mini",
    RESPONSES,
    "call",
    "Summarise the call in one sentence and name the next step.",
    (
        (
            "Call {n}\nA: We liked the trial, but security wants a questionnaire.\nB: I'll "
            "send ours, it is filled in.\n"
            "A: Good, then we talk on Thursday.",
            "The customer liked the trial and waits for security; next step: send the "
            "questionnaire before Thursday.",
        ),
        (
            "Call {n}\nA: The price per seat is above our budget.\nB: At fifty seats it "
            "drops by a fifth.\nA: Send me that.",
            "The price is above budget at this size; next step: send the offer for fifty seats.",
        ),
        (
            "Call {n}\nA: We signed with someone else in May.\nB: May I call in spring?\nA: Do.",
            "The customer signed elsewhere; next step: call again in spring.",
        ),
    ),
)

JUDGE = Kind(
    "Eval run {day}, judge",
    "research",
    "gpt-5-mini",
    CHAT,
    "case",
    "Grade the answer against the reference with JSON: score 0 to 5 and reason.",
    (
        (
            "Case {n}\nQuestion: When was the bridge opened?\nReference: 1894\nAnswer: It "
            "opened in 1894, after eight years.",
            _labels(score=5, reason="Right year, and more."),
        ),
        (
            "Case {n}\nQuestion: Which valve closes first?\nReference: the inlet "
            "valve\nAnswer: The outlet valve.",
            _labels(score=0, reason="Names the other valve."),
        ),
        (
            "Case {n}\nQuestion: How long does the cure take?\nReference: 48 hours at 20 "
            "°C\nAnswer: About two days.",
            _labels(score=4, reason="Right, but without the temperature."),
        ),
    ),
)

SLOGANS = Kind(
    "Subject lines for the newsletter",
    "marketing",
    "gpt-3.5-turbo-instruct",
    "/v1/completions",
    "mail",
    "",
    (
        ("Newsletter {n}, about winter boots, subject line:", " Warm feet, whatever the forecast"),
        ("Newsletter {n}, about gift cards, subject line:", " The present that always fits"),
    ),
)
