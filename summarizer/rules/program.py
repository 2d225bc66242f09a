"""What programs and their machines say: Python, the JVM, containers, file systems."""

from typing import Final

from summarizer.rules.rule import LIKELY, NAME, Rule, rule
from summarizer.summary import Kind

RULES: Final[tuple[Rule, ...]] = (
    rule(
        Kind.OUT_OF_MEMORY,
        "Out of memory",
        r"\bout of memory\b|\bOutOfMemoryError\b|\bOOM-?Kill(?:ed)?\b|^MemoryError\b|\bMemoryError\b|\bcannot allocate memory\b"
        r"|\bunable to allocate\b|\bmemory limit exceeded\b|\bGC overhead limit\b|\bexceeding (?:physical )?memory limits\b",
        rank=85,
    ),
    rule(
        Kind.OUT_OF_MEMORY,
        "Killed (137), as happens when memory runs out",
        r"\bexit(?:ed)?(?: with)?(?: non-zero)?(?: status)?(?: code)?:? ?137\b|\breturn code:? 137\b",
        LIKELY,
        rank=83,
    ),
    rule(
        Kind.RESOURCE,
        "No space left on the disk",
        r"\bno space left on device\b|\bdisk (?:is )?full\b|\bdisk quota exceeded\b|\bcould not extend file\b",
        rank=84,
    ),
    rule(
        Kind.IMPORT_ERROR,
        "Python module {name} is not installed",
        rf"\bModuleNotFoundError: No module named {NAME}(?=[;,.)]{{0,3}}(?:\s|$))",
        rank=80,
    ),
    rule(Kind.IMPORT_ERROR, "{name} cannot be imported", rf"\bImportError: cannot import name {NAME}(?=[;,.)]{{0,3}}(?:\s|$))", rank=80),
    rule(
        Kind.IMPORT_ERROR,
        "A module could not be imported",
        r"\bImportError\b|\bModuleNotFoundError\b|\bNoClassDefFoundError\b|\bClassNotFoundException\b"
        r"|\bcannot open shared object file\b|\bBroken DAG\b.{0,200}\bNo module named\b",
        rank=78,
    ),
    rule(Kind.SYNTAX, "Python syntax error", r"^\s*(?:SyntaxError|IndentationError|TabError)\b", rank=79),
    rule(
        Kind.SYNTAX,
        "A file is not valid JSON or YAML",
        r"\bJSONDecodeError\b|\bsyntax error (?:in|near) (?:yaml|json|line)\b|\bYAML\b.{0,60}\b(?:error|invalid)\b"
        r"|\b(?:error|invalid)\b.{0,40}\byaml\b|\bmapping values are not allowed\b",
        rank=62,
    ),
    rule(Kind.MISSING_FILE, "A file is missing: {name}", r"\bNo such file or directory:? ['\"]?(?P<name>[\w$./:\-]{1,300})", rank=71),
    rule(
        Kind.MISSING_FILE,
        "A file or object is missing",
        r"\bFileNotFoundError\b|\bno such file or directory\b|\bNoSuchKey\b|\bPATH_NOT_FOUND\b|\bpath does not exist\b"
        r"|\bNo files found that match\b|\bNoSuchBucket\b|\bBlobNotFound\b|\bFileNotFoundException\b",
        rank=68,
    ),
    rule(
        Kind.INTERRUPTED,
        "The process was killed or its machine went away",
        r"\bSIGTERM\b|\bSIGKILL\b|\bwas preempted\b|\bspot (?:instance|interruption)\b|\bpod (?:was )?evicted\b|\bEvicted\b"
        r"|\bKeyboardInterrupt\b|\bLost (?:executor|task|worker)\b|\bzombie\b|\bCannot reach (?:the )?worker\b|\bexecutor lost\b"
        r"|\bheartbeat\b.{0,40}\b(?:missed|lost|timed out)\b",
        rank=61,
    ),
    rule(
        Kind.CODE_ERROR,
        "The code failed: {name}",
        r"^\s*(?P<name>(?:KeyError|TypeError|AttributeError|IndexError|NameError|UnboundLocalError|ZeroDivisionError"
        r"|AssertionError|RecursionError|NotImplementedError|UnicodeDecodeError|StopIteration)\b.{0,110})",
        LIKELY,
        rank=40,
    ),
    rule(
        Kind.CODE_ERROR,
        "The code failed: {name}",
        r"^\s*(?:Caused by: )?(?P<name>(?:java\.lang\.)?(?:NullPointerException|ClassCastException"
        r"|IllegalArgumentException|IllegalStateException)\b.{0,110})",
        LIKELY,
        rank=40,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A value was not as expected",
        r"^\s*(?:pydantic_core\._pydantic_core\.)?ValidationError\b|\bSchemaError\b|\bvalidation errors? for \w+"
        r"|\bexpectation\b.{0,60}\bfailed\b",
        LIKELY,
        rank=45,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A value does not fit its type",
        r"\bValueError: (?:invalid literal for int|could not convert|time data .{1,100} does not match|cannot convert)",
        rank=46,
    ),
    rule(
        Kind.OUT_OF_MEMORY,
        "Killed (SIGKILL), as happens when memory runs out",
        r"\breturn code:? -9\b|\bNegsignal\.SIGKILL\b|\bexit(?:ed)? (?:with )?(?:status )?code:? -9\b",
        LIKELY,
        rank=62,
    ),
    rule(
        Kind.CONFIGURATION,
        "The container image could not be pulled",
        r"\bImagePullBackOff\b|\bErrImagePull\b|\bmanifest unknown\b|\bpull access denied\b",
        rank=79,
    ),
    rule(
        Kind.RESOURCE,
        "No machine has room for it",
        r"\binsufficient (?:cpu|memory|ephemeral-storage)\b|\b0/\d{1,5} nodes are available\b|\bFailedScheduling\b",
        rank=78,
    ),
    rule(
        Kind.DATA_QUALITY,
        "A file could not be read as data",
        r"\bextra data after last expected column\b|\bmissing data for column\b"
        r"|\b(?:ParserError|EmptyDataError|ArrowInvalid)\b|\bmalformed (?:csv|record|row)\b|\bcorrupt(?:ed)? (?:file|record)\b",
        rank=47,
    ),
)
