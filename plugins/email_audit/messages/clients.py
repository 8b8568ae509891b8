"""How mail programs announce quoted and forwarded text: words as data, by program.

Sources: the headers and bodies of the test mail (Enron 2000-2002: Outlook, Lotus Notes, AOL,
Eudora), and the texts that Gmail, Apple Mail, Outlook, Yahoo and Proton write today, in the
languages they are most met in.
"""

import re

FORWARD_TITLES = (
    "Forwarded message",  # Gmail
    "Forwarded Message",  # Thunderbird, Proton
    "Mensaje reenviado",
    "Message transféré",
    "Weitergeleitete Nachricht",
    "Messaggio inoltrato",
    "Mensagem encaminhada",
    "Forwarded by",  # Lotus Notes, to be followed by a name
    "Reenviado por",
    "Inline attachment follows",  # Exchange gateways
)
ORIGINAL_TITLES = (
    "Original Message",  # Outlook, Outlook Express, Yahoo
    "Original Appointment",
    "Original Message Follows",  # Hotmail
    "Mensaje original",
    "Message d'origine",
    "Message original",
    "Ursprüngliche Nachricht",
    "Messaggio originale",
    "Mensagem original",
    "Reply message",  # Android
)
APPLE_FORWARDS = (
    "Begin forwarded message",
    "Inicio del mensaje reenviado",
    "Début du message réexpédié",
    "Début du message transféré",
    "Anfang der weitergeleiteten Nachricht",
    "Inizio messaggio inoltrato",
)
FROM_LABELS = ("From", "FROM", "De", "Von", "Da", "Van")
SENT_LABELS = (
    "Sent", "Date", "Sent on", "Enviado el", "Enviado", "Enviada em", "Fecha", "Envoyé",
    "Gesendet", "Datum", "Inviato", "Data", "Verzonden", "Date Sent",
)  # fmt: skip
TO_LABELS = ("To", "Para", "À", "An", "A", "Aan")
SUBJECT_LABELS = ("Subject", "Asunto", "Objet", "Betreff", "Oggetto", "Assunto", "Onderwerp", "Re")
OTHER_LABELS = (
    "Cc", "CC", "cc", "Bcc", "bcc", "Cco", "Copia", "Kopie", "Reply-To", "Importance",
    "Importancia", "Attachments", "Datos adjuntos", "Adjuntos", "Sensitivity", "Fax to", "Sent by",
    "Please respond to", "Priority", "Resent-From",
)  # fmt: skip
WROTE = (
    r"wrote", r"writes", r"escribió", r"escribio", r"a écrit", r"schrieb", r"ha scritto",
    r"escreveu", r"schreef", r"skrev", r"napisał\(a\)", r"napisał",
)  # fmt: skip
ATTRIBUTION_STARTS = (
    "On", "El", "Le", "Am", "Il", "Em", "Op", "Den", "At", "In a message dated", "W dniu",
    "Dnia", "On Behalf",
)  # fmt: skip


def any_of(words: tuple[str, ...]) -> str:
    """Give a pattern for any of the words, longer ones first."""
    return "|".join(sorted((re.escape(word) for word in words), key=len, reverse=True))
