"""The agent that is a model: it talks through a `ModelClient` and works with a toolbox."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from sessions.agents.model_turn import ModelTurn
from sessions.agents.protocol import HaltProof, TurnOrder, TurnReport, TurnSink
from sessions.agents.toolbox.box import Toolbox, toolbox_for
from sessions.errors import AgentError, QuarterdeckError
from sessions.models.protocol import ModelClient, Usage


class ModelAgent:
    """Fills a role with a model. One turn at a time; the client may serve other agents too and is not closed here.

    Args:
        window: The window it works in.
        model: The fleet's name of the model.
        keep: Stores a text as an artefact and returns its id.
        toolbox_factory: Makes the toolbox of a turn, None for a turn without one.
        max_tool_rounds: Answers a turn may take before it is given up.
    """

    def __init__(
        self,
        window: str,
        model: str,
        client: ModelClient,
        *,
        keep: Callable[[str], Awaitable[str]],
        toolbox_factory: Callable[[TurnOrder], Toolbox | None] = toolbox_for,
        max_tool_rounds: int = 60,
    ) -> None:
        self.window = window
        self._model = model
        self._client = client
        self._keep = keep
        self._toolbox_factory = toolbox_factory
        self._max_tool_rounds = max_tool_rounds
        self._turn: ModelTurn | None = None
        self._work: asyncio.Task[TurnReport] | None = None

    async def run_turn(self, order: TurnOrder, sink: TurnSink) -> TurnReport:
        """Run one turn to its end.

        Raises:
            AgentError: If a turn is running already.
        """
        if self._work is not None:
            raise AgentError(
                "The agent is in the middle of another turn", where=self.window, next="Halt it or wait for its end"
            )
        try:
            turn = self._prepare(order, sink)
        except QuarterdeckError as error:
            return TurnReport("failed", str(error), Usage(0, 0, cost=0.0), "", "not_started")
        # A task of its own, so that a halt can end the turn and still get a report of it.
        work = asyncio.create_task(turn.run(), name=f"turn {order.turn}")
        self._turn, self._work = turn, work
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            while not work.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({work})
            if not work.cancelled():
                work.exception()
            raise
        finally:
            self._turn = self._work = None
        if not work.cancelled():
            return work.result()
        # A transition that the door took before the halt reached it stands, whatever was halted.
        if turn.accepted or order.over.is_set():
            return turn.report("transition", turn.accepted or "accepted through another door")
        return turn.report("interrupted", "halted")

    async def halt(self, *, grace: float = 2.0) -> HaltProof:
        """Cancel the running turn and return the proof that its stream and programs are closed."""
        turn, work = self._turn, self._work
        if turn is None or work is None or work.done():
            return HaltProof(True, "none", "nothing was running", 0.0)
        clock = asyncio.get_running_loop().time
        begun = clock()
        observed = f"{turn.doing} ended, stream closed" if turn.doing not in {"", "stream"} else "stream closed"
        for step in ("cancel", "cancel again"):
            work.cancel()
            await asyncio.wait({work}, timeout=grace)
            if work.done():
                return HaltProof(True, step, observed, clock() - begun)
        return HaltProof(False, "cancel again", f"the {turn.doing or 'turn'} is still open", clock() - begun)

    async def close(self) -> None:
        """End the running turn. Safe to repeat."""
        await self.halt()

    def _prepare(self, order: TurnOrder, sink: TurnSink) -> ModelTurn:
        return ModelTurn(
            order,
            sink,
            self._client,
            self._model,
            toolbox=self._toolbox_factory(order),
            keep=self._keep,
            max_tool_rounds=self._max_tool_rounds,
        )
