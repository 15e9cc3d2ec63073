"""The conditions of a compiled spec: the part of CEL that kfp and TFX emit (github.com/google/cel-spec, langdef.md).

Grammar: `||`, `&&`, one comparison (== != < <= > >= in), `+`, `!`, `-`, fields, indexes, literals, lists, and the
functions int, double, string, bool, size and parseJson, the last of which Kubeflow adds. Anything else is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from pipeline.spec.condition_values import FUNCTIONS, ORDERS, ConditionError, boolean, call, compare, is_number, number

Node = Callable[[Mapping[str, Any]], Any]

TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+|\d+(?:[eE][+-]?\d+)?)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>\|\||&&|==|!=|<=|>=|[-<>!+().,\[\]]))""",
    re.VERBOSE,
)
LITERALS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Node:
    """Returns a function from variables to the value of an expression.

    Raises:
      ConditionError: it is not of the part of CEL that is known here; the function raises it where a field lacks, or
        values of two kinds are put in order.
    """
    return _Parser(text).whole()


def is_true(text: str, variables: Mapping[str, Any]) -> bool:
    """Returns whether a condition holds.

    Raises:
      ConditionError: as `parse`, and where its value is no boolean.
    """
    value = parse(text)(variables)
    if not isinstance(value, bool):
        raise ConditionError(f"the condition {text!r} gives {value!r}, which is neither true nor false")
    return value


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._tokens: list[tuple[str, str]] = []
        while self._at < len(text.rstrip()):
            found = TOKEN.match(text, self._at)
            if found is None:
                self._refuse(text[self._at :].strip()[:20])
            self._tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            self._at = found.end()
        self._tokens.append(("end", ""))

    def whole(self) -> Node:
        node = self._either()
        if self._kind != "end":
            self._refuse(self._word)
        return node

    @property
    def _kind(self) -> str:
        return self._tokens[0][0]

    @property
    def _word(self) -> str:
        return self._tokens[0][1]

    def _refuse(self, what: str) -> NoReturn:
        raise ConditionError(
            f"the condition {self._text!r} cannot be read at {what or 'its end'!r}: known here are && || ! == != < <= "
            f"> >= in + - ( ) [ ], fields, literals, and {', '.join(FUNCTIONS)}"
        )

    def _take(self, *signs: str) -> str:
        """Returns the next token, and steps over it, where it is one of these signs or words; else ""."""
        kind, word = self._tokens[0]
        if kind not in {"sign", "word"} or word not in signs:
            return ""
        self._tokens.pop(0)
        return word

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            self._refuse(self._word)

    def _either(self) -> Node:
        node = self._both()
        while self._take("||"):
            node = _logical(node, self._both(), decisive=True)
        return node

    def _both(self) -> Node:
        node = self._comparison()
        while self._take("&&"):
            node = _logical(node, self._comparison(), decisive=False)
        return node

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take("==", "!=", *ORDERS, "in")
        if not sign:
            return left
        right = self._sum()
        return lambda variables: compare(sign, left(variables), right(variables))

    def _sum(self) -> Node:
        node = self._unary()
        while self._take("+"):
            node = _added(node, self._unary())
        return node

    def _unary(self) -> Node:
        if self._take("!"):
            inner = self._unary()
            return lambda variables: not boolean(inner(variables))
        if self._take("-"):
            inner = self._unary()
            return lambda variables: -number(inner(variables))
        return self._member()

    def _member(self) -> Node:
        node = self._primary()
        while sign := self._take(".", "["):
            if sign == ".":
                kind, name = self._tokens.pop(0)
                if kind != "word":
                    self._refuse(name)
                node = _indexed(node, lambda _, name=name: name)  # type: ignore[misc]  # mypy sees no default there
            else:
                node = _indexed(node, self._either())
                self._need("]")
        return node

    def _primary(self) -> Node:
        kind, word = self._tokens.pop(0)
        if word == "(" and kind == "sign":
            node = self._either()
            self._need(")")
            return node
        if word == "[" and kind == "sign":
            items = self._items("]")
            return lambda variables: [item(variables) for item in items]
        if kind in {"number", "text"} or word in LITERALS:
            value = LITERALS[word] if word in LITERALS else _literal(word)
            return lambda _: value
        if kind != "word":
            self._refuse(word)
        return self._call(word) if self._take("(") else _variable(word)

    def _call(self, name: str) -> Node:
        arguments = self._items(")")
        if name not in FUNCTIONS or len(arguments) != 1:
            self._refuse(f"{name}(")
        function, argument = FUNCTIONS[name], arguments[0]
        return lambda variables: call(name, function, argument(variables))

    def _items(self, end: str) -> list[Node]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._need(",")
            items.append(self._either())
        return items


def _literal(word: str) -> Any:
    try:
        return ast.literal_eval(word)
    except (SyntaxError, ValueError) as error:
        raise ConditionError(f"the literal {word} of a condition cannot be read: {error}") from None


def _variable(name: str) -> Node:
    return _indexed(lambda variables: variables, lambda _: name)


def _indexed(of: Node, by: Node) -> Node:
    def value(variables: Mapping[str, Any]) -> Any:
        holder, key = of(variables), by(variables)
        if isinstance(holder, list) and is_number(key) and 0 <= key < len(holder):
            return holder[int(key)]
        if isinstance(holder, Mapping) and isinstance(key, str) and key in holder:
            return holder[key]
        raise ConditionError(f"there is no {key!r} among {_described(holder)}")

    return value


def _described(holder: Any) -> str:
    if isinstance(holder, Mapping):
        return ", ".join(map(str, holder)) or "nothing"
    return f"{len(holder)} items" if isinstance(holder, list) else repr(holder)


def _logical(left: Node, right: Node, *, decisive: bool) -> Node:
    """`||` (true decides) or `&&` (false decides): as in CEL, a side that decides hides the other side's error."""

    def value(variables: Mapping[str, Any]) -> bool:
        try:
            first = boolean(left(variables))
        except ConditionError:
            if boolean(right(variables)) is decisive:
                return decisive
            raise
        return first if first is decisive else boolean(right(variables))

    return value


def _added(left: Node, right: Node) -> Node:
    def value(variables: Mapping[str, Any]) -> Any:
        one, other = left(variables), right(variables)
        if is_number(one) != is_number(other) or (type(one) is not type(other) and not is_number(one)):
            raise ConditionError(f"{one!r} + {other!r} has no value")
        return one + other

    return value
