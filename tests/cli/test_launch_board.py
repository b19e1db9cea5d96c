"""What becomes of the notes about nodes, before anything is drawn."""

from peppy.cli.drawing.launch_progress import NodeRow, counted, progress, state_line
from peppy.cli.launch_board import Board
from peppy.schema.frames import Note
from peppy.schema.launch import NodeProgress
from tests.cli.sample_launches import BRAIN, CAMERA, printed, told


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def heard(board: Board, note: Note) -> NodeProgress | None:
    return board.heard(note, note.text)


def heads(board: Board, height: int = 10) -> list[str]:
    return [line.head for line in board.lines(height)]


def test_time_runs_while_something_goes_on_and_stands_still_when_it_is_done() -> None:
    clock = Clock()
    board = Board(clock)
    heard(board, told(CAMERA, NodeProgress.FETCHING))
    clock.seconds += 1
    heard(board, told(CAMERA, NodeProgress.BUILDING))
    clock.seconds += 2
    assert heads(board) == ["camera:v1  building     2.0 s"]
    heard(board, told(CAMERA, NodeProgress.BUILT))
    clock.seconds += 40
    assert heads(board) == ["camera:v1  built        3.0 s"]


def test_what_a_node_prints_is_shown_beside_it_and_is_no_news() -> None:
    board = Board(Clock())
    assert heard(board, printed(CAMERA, "too early")) is None
    assert board.lines(10) == []
    assert heard(board, told(CAMERA, NodeProgress.BUILDING)) is NodeProgress.BUILDING
    assert heard(board, printed(CAMERA, "compiling")) is None
    assert heard(board, told(CAMERA, NodeProgress.BUILDING, "linking")) is None
    assert heard(board, told(CAMERA, NodeProgress.BUILDING)) is None
    assert [line.tail for line in board.lines(10)] == ["linking"]


def test_each_instance_of_a_node_is_news_once() -> None:
    board = Board(Clock())
    news = [
        heard(board, told(CAMERA, NodeProgress.RUNNING, text)) is not None
        for text in ("'front' runs", "'rear' runs", "'rear' runs")
    ]
    assert news == [True, True, False]


def test_sources_give_way_to_the_nodes_that_they_come_to() -> None:
    board = Board(Clock())
    for source in ("./camera", "./brain"):
        heard(board, told(source, NodeProgress.RESOLVING))
    assert len(heads(board)) == 2
    heard(board, told(CAMERA, NodeProgress.FETCHING))
    heard(board, told(BRAIN, NodeProgress.FETCHING))
    assert [head.split()[0] for head in heads(board)] == ["camera:v1", "brain:v1"]


def test_a_state_of_a_newer_daemon_and_a_note_of_no_node_change_nothing() -> None:
    board = Board(Clock())
    assert heard(board, Note(stream="node", node="camera:v1", state="dreaming", text="x")) is None
    assert heard(board, Note(stream="node", text="x", state="running")) is None
    assert board.lines(10) == []


def test_where_there_is_not_room_for_all_failures_come_first_and_the_rest_is_counted() -> None:
    states = [NodeProgress.RUNNING, NodeProgress.BUILDING, NodeProgress.BUILT, NodeProgress.FAILED]
    rows = [
        NodeRow(node=f"n{number}", state=state, began=0.0, since=0.0)
        for number, state in enumerate(states)
    ]
    assert [line.head.split()[0] for line in progress(rows, 0.0, 4)] == ["n0", "n1", "n2", "n3"]
    three = [line.head for line in progress(rows, 0.0, 3)]
    assert [head.split()[0] for head in three] == ["n1", "n3", "and"]
    assert three[-1] == "and 2 more: 1 built, 1 running"
    assert [line.head.split()[0] for line in progress(rows, 0.0, 2)] == ["n3", "and"]
    assert counted(rows) == "1 failed, 1 building, 1 built, 1 running"


def test_a_pipe_reads_why_a_node_has_failed() -> None:
    assert state_line("a:v1", NodeProgress.FAILED, "no disk") == "a:v1: failed: no disk"
    assert state_line("a:v1", NodeProgress.FAILED, "") == "a:v1: failed"
    assert state_line("a:v1", NodeProgress.RUNNING, "'x' runs") == "a:v1: 'x' runs"
