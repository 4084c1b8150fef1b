"""Small expressions, worked out without running them as Python.

Two kinds of text hold some: the formulas in Cura's definitions, and the placeholders of a profile's G-code. Numbers,
text, names, arithmetic, comparisons, ``and or not``, ``a if b else c``, an index, and calls of functions that are named
here or by the caller: nothing else, so that a profile or a definition cannot reach anything.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError)
"""What :func:`evaluate` raises of an expression that makes no sense."""

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": abs, "any": any, "all": all, "float": float, "int": int, "len": len, "map": map, "max": max, "min": min,
    "round": round, "sum": sum,
}  # fmt: skip
_MATH: Final[Mapping[str, Any]] = {
    "ceil": math.ceil, "cos": math.cos, "floor": math.floor, "pi": math.pi, "radians": math.radians, "sin": math.sin,
    "sqrt": math.sqrt, "tan": math.tan,
}  # fmt: skip
LONGEST: Final = 100_000  # characters or items of a value, and as many digits of a whole number


def _times(a: Any, b: Any) -> Any:
    """The product, unless it is longer than anything that a profile needs."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, str | list) and isinstance(other, int) and len(one) * other > LONGEST:
            raise ValueError(f"a text of {len(one)} characters, {other} times, is longer than {LONGEST}")
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > LONGEST:
        raise ValueError("a product has more digits than anything needs")
    return a * b


def _plus(a: Any, b: Any) -> Any:
    """The sum, unless it is longer than anything that a profile needs."""
    if isinstance(a, str | list) and isinstance(b, str | list) and len(a) + len(b) > LONGEST:
        raise ValueError(f"a text is longer than {LONGEST}")
    return a + b


_BINARY: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: _plus,
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def evaluate(text: str, name: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]] = FUNCTIONS) -> Any:
    """The value of an expression.

    Parameters
    ----------
    text
        In Python's syntax, on one line.
    name
        Answers the value of a name; a LookupError for one that it does not know.
    functions
        That may be called, besides those of ``math``.

    Raises
    ------
    one of :data:`FAULTS`
        It is no such expression, or has no value.
    """
    return _value(_parsed(text), name, functions)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _value(node: ast.expr, name: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    def of(part: ast.expr) -> Any:
        return _value(part, name, functions)

    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word):
            return functions[word] if word in functions else name(word)
        case ast.Attribute(value=ast.Name(id="math"), attr=word):
            return _MATH[word]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return of(body if of(test) else orelse)
        case ast.BoolOp(op=op, values=values):
            found: Any = None
            for part in values:
                found = of(part)
                if bool(found) is isinstance(op, ast.Or):
                    break
            return found
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not of(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -of(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](of(left), of(right))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [of(side) for side in (left, *comparators)]
            return all(_COMPARE[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [of(item) for item in items]
        case ast.Subscript(value=of_what, slice=index):
            return of(of_what)[of(index)]
        case ast.Call(func=ast.Name(id=word), args=arguments, keywords=[]):
            return functions[word](*(of(argument) for argument in arguments))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=word), args=arguments, keywords=[]):
            return _MATH[word](*(of(argument) for argument in arguments))
    raise ValueError(f"it holds an expression of kind {type(node).__name__}")
