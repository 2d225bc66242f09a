# ruff: noqa: E501
"""The names that give a secret away, in the languages that logs are written in, and the words after them that are none."""

from typing import Final

PASSWORD: Final = (
    r"(?:pass(?:word|wd|phrase|wort|code|key)|kennwort|(?<![A-Za-z])pw(?:d(?![A-Za-z]{2})|(?![A-Za-z]))|mots?[ _]de[ _]passe|(?<![A-Za-z])mdp(?![A-Za-z])|contrase(?:ñ|n\u0303|n|Ã±)a"
    r"|(?<![A-Za-z])senha|palavra[-_ ]passe|parola(?: chiave| d['’]ordine)?|clave de acceso|wachtwoord|lösenord|adgangskode|passord|hasło|heslo|salasana|şifre|пароль|パスワード|密码|密碼|비밀번호)"
)
"""What follows one of these is a secret, be it of plain words."""
KEY: Final = (
    r"(?:secret(?:[._\- ]?(?:access)?[._\- ]?key)?|token|(?:api|access|account|private|encryption|signing|master|auth|subscription|fernet|functions)[._\- ]?key(?:[_\- ]?id)?"
    r"|shared[_\- ]?access[_\- ]?(?:key|signature)|client[_\- ]?secret|(?<![A-Za-z])pass(?![A-Za-z])"
    r"|api[-_ ]?schlüssel|geheimnis|clés? (?:d['’])?api|clé secrète|jetons?(?: d['’]accès)?|clave (?:de )?(?:la )?api|clave secreta|chave (?:de |da )?api|chave secreta|segredo"
    r"|chiave (?:dell['’])?api|chiave segreta|segreto|api[- ]sleutel|toegangssleutel|geheime sleutel)"
)
"""What follows one of these may also be a count or a word about it."""
VAGUE: Final = r"(?:credentials?|(?<![A-Za-z])sig(?:nature)?|session[_\- ]?id)"
"""What follows one of these is a secret only if it looks like one."""
STEMS: Final = (
    "pass", "pw", "kennwort", "mot", "mdp", "contrase", "senha", "palavra", "parola", "clave", "wachtwoord", "lösenord", "adgangskode", "hasło", "heslo", "salasana", "şifre", "пароль",
    "パスワード", "密", "비밀번호", "secret", "secrèt", "token", "key", "schlüssel", "geheim", "clé", "jeton", "chave", "chiave", "segret", "segredo", "sleutel", "credential", "sig", "session",
    "identified",
)  # fmt: skip
"""A text without any of these has none of the names."""

ABOUT: Final = (
    r"(?!s?[._\- ]{0,2}(?:file|path|dir|name|type|ur[li]\b|endpoint|polic|len|size|count|limit|usage|used|bucket|expir|ttl|life|age\b|reset|required|enabled|disabled|min_|max_|less"
    r"|manager|rotation|version|(?:key)?ref|store|provider|prefix|column|field|refresh|processed|budget|algorithm|requirement|detail|info\b))"
)
"""The name goes on: it is of a file, a length, a setting, and not of the secret itself."""
_ENDS: Final = r"(?=[\s,;:.!?()\"'\]}]|\Z)"
_WORDS: Final = (
    "none|null|nil|true|false|undefined|missing|required|optional|invalid|incorrect|expired|expires|empty|is|was|not|no|must|has|have|had|the|an?|for|in|of|or|and|to|on|at|are|be|been|if|by|with|from|as|it|its"
    "|this|that|your|you|we|cannot|can|could|can't|does|do|did|don't|should|will|would|may|failed|failure|unset|set|yes|ok|string|str|int|bytes|text|varchar|char|bool|boolean|any|list|dict|object"
    "|column|field|value|expecting|expected|unexpected|unknown|unrecognized|command|wrong|too|only|using|please|enter|default|disabled|enabled|valid|hidden|masked|hashed|encrypted|authentication|authorization"
    "|mandatory|weak|strong|short|long|mismatch|mismatched|error|bearer|basic|oauth2?|when|while|because|after|before|between|but|than|does|identifier|unauthorized|forbidden|denied|rejected|refused|revoked"
    "|falsch|ungültig|abgelaufen|fehlt|leer|nicht|erforderlich|ist|wird|incorrecte?|invalide|expirée?|manquante?|requise?|est|incorrect[ao]|inválid[ao]|caducad[ao]|obligatori[ao]|requerid[ao]|es|no|é|è|em|não|expirad[ao]"
    "|errat[ao]|scadut[ao]|non|mancante|onjuist|ongeldig|verlopen|ontbreekt|vereist|niet"
)
NO_SECRET: Final = (
    r"(?!\[redacted|[\"']?(?:\*{2,}|\$\{|\$\(|\$[A-Za-z_]\w*(?=[\s,;)\]}\"'/]|\Z)|\{\{|%\()|<(?!!\[CDATA)|%s\b|:\w|\.\.\.|…|env:|env_var|os\.environ"
    r"|[\[{](?=\s{0,3}(?:[\"'{]|\Z))|[A-Za-z]\w{0,30}\([\"']?\Z"
    r"|(?:self|config|conf|cfg|settings|args|options|opts|params|ctx|context)\.[A-Za-z_]"
    r"|(?-i:[A-Z][A-Z0-9]{0,20}_)?(?-i:PASSWORD|TOKEN|SECRET|API_KEY|KEY)(?=[\s,;)\]}]|\Z)|(?:pass(?:word|wd)|token|secret|api_key|credentials?)(?=[\s,;:)\]}]|\Z)"
    r"|(?:get|read|load|fetch|resolve|os|next|inspect|variable|response|request|service_account|keyring|dbutils)[a-z_.]{0,60}\("
    rf"|optional\[|secret(?:str|bytes)(?=[\s,=)\]|]|\Z)|(?:{_WORDS}){_ENDS})"
)
"""What stands in the secret's place is none: a word about it, a variable, a type, a call, or a mark."""
NO_COUNT: Final = r"(?![\d,._:-]{1,12}(?:[\s,;:.)}\]\"']|%(?![0-9A-Fa-f]{2})|s\b|\Z))"
"""Nor is a number of anything, or a date."""
