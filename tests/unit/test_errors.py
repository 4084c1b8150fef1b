import inspect

from printprep import errors


def test_every_error_stands_in_the_tree_and_has_one_exit_code() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.PrintprepError)]
    for error in classes:
        assert error.__name__ in (errors.__doc__ or "")
        if error is not errors.PrintprepError:
            assert (
                errors.exit_code(error("x"))
                == errors.EXIT_CODES[next(branch for branch in errors.EXIT_CODES if issubclass(error, branch))]
            )


def test_exit_codes_are_those_that_the_command_line_promises() -> None:
    assert errors.exit_code(errors.DoesNotFit("x")) == 2
    assert errors.exit_code(errors.SliceTimeout("x")) == 3
    assert errors.exit_code(errors.GcodeRefused("x")) == 4
    assert errors.exit_code(errors.ReplyTimeout("x")) == 4
    assert errors.exit_code(errors.NotAllowed("x")) == 5
