from pathlib import Path

from kfp import compiler, dsl

from pipeline.steps import State
from tests.spec.running import Ran

component = dsl.component(install_kfp_package=False)


@component
def flip(name: str) -> str:
    """Heads for one name only."""
    return "heads" if name == "ann" else "tails"


@component
def say(text: str) -> str:
    """Repeats."""
    return text


@component
def goodbye(status: dsl.PipelineTaskFinalStatus) -> None:
    """Tells how it went."""
    print(status.state)  # noqa: T201  # its log is what the test reads


@dsl.pipeline(name="coin")
def coin(name: str = "ann") -> None:
    """A condition with two branches, in an exit handler."""
    with dsl.ExitHandler(goodbye()):
        flipped = flip(name=name)
        with dsl.If(flipped.output == "heads", name="is-heads"):
            heads = say(text=f"{name} wins").set_retry(1)
        with dsl.Else(name="is-tails"):
            tails = say(text="nobody wins")
        say(text=dsl.OneOf(heads.output, tails.output)).set_caching_options(enable_caching=False)


def test_what_the_kfp_sdk_compiles_runs_as_it_is(tmp_path: Path) -> None:
    """Lightweight components, If and Else, OneOf, f-strings and an exit handler run as kfp 2 compiles them."""
    compiler.Compiler().compile(coin, str(tmp_path / "coin.yaml"))
    ran = Ran(tmp_path / "coin.yaml", tmp_path, "name=bob")
    assert ran.error is None
    assert ran.states == {
        "flip": State.DONE,
        "say": State.SKIPPED,
        "say-2": State.DONE,
        "say-3": State.DONE,
        "goodbye": State.DONE,
    }
    assert "COMPLETE" in ran.log("goodbye").splitlines()
