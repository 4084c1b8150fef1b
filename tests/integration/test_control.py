"""Orders to a print from another process."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from printprep.errors import InputError, PrinterError
from printprep.printers import orders
from printprep.printers.control import Desk
from printprep.printers.dialects.marlin import Marlin
from printprep.printers.dialects.smoothieware import Smoothieware
from printprep.printers.journal import Journal, last_journal
from printprep.printers.link import STOPPED, Ending, PrinterState, PrintOutcome
from printprep.printers.orders import desk_path, give_order, printing_now
from printprep.printers.port import Port
from printprep.printers.serial import SerialLink
from printprep.printers.tuning import TuneLimits
from printprep.printers.virtual import VirtualLink, VirtualPrinter

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-c", "from printprep.cli.main import main; main()"]
LIMITS = TuneLimits(tools=5, nozzle_of_c={0: (190, 230)}, bed_max_c=100)
JOB = ["M140 S60", "M104 S200", "G91", *(f"G1 X{(-1) ** n * 20} F600" for n in range(4000))]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.gcode"
    path.write_text("\n".join(JOB), encoding="ascii")
    return path


def until(happened: Callable[[], object]) -> None:
    """Wait for something; what has not come in five minutes on the slowest machine will not come."""
    for _ in range(30_000):
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("it never happened")


@contextmanager
def printing(job: Path, tmp_path: Path) -> Iterator[tuple[VirtualLink, list[PrintOutcome]]]:
    """A print that lasts for ever, in a thread, with a desk; the outcome comes when the block has ended it."""
    link = VirtualLink(log=tmp_path / "log", speed="real", journal=lambda counted: Journal("left", counted, tmp_path))
    link.connect()
    outcomes: list[PrintOutcome] = []
    with Desk("left", link, LIMITS, {"file": str(job)}) as desk:
        thread = threading.Thread(target=lambda: outcomes.append(link.print_file(job, desk.see)))
        thread.start()
        until(lambda: link.printer.firmware.accepted > 20)
        yield link, outcomes
        thread.join()
    link.close()


def test_every_order_reaches_the_print(job: Path, tmp_path: Path) -> None:
    def state() -> object:
        told = give_order("left", "status")
        assert told is not None
        return told["state"]

    with printing(job, tmp_path) as (link, outcomes):
        assert printing_now() == ("left",)
        assert give_order("left", "pause") == {"done": "left pauses"}
        until(lambda: state() == PrinterState.PAUSED)
        give_order("left", "resume")
        until(lambda: state() == PrinterState.PRINTING)
        tuned = give_order("left", "tune", speed_percent=80, tools_c={"0": 215}, bed_c=70)
        assert tuned == {"done": "M220 S80, M104 T0 S215, M140 S70"}
        until(lambda: link.printer.firmware.bed.target_c == 70)
        assert link.printer.firmware.hotends[0].target_c == 215
        with pytest.raises(InputError, match=r"tool 0 231 °C is refused; 190 to 230 °C is allowed"):
            give_order("left", "tune", tools_c={"0": 231})
        give_order("left", "cancel")
    assert outcomes[0].ending is Ending.CANCELLED
    assert link.printer.firmware.bed.target_c == 0
    assert last_journal("left", tmp_path).tunes == ("M220 S80", "M104 T0 S215", "M140 S70")
    assert last_journal("left", tmp_path).ending == "cancelled"
    assert printing_now() == ()
    assert give_order("left", "status") is None


def test_a_status_tells_of_file_and_progress(job: Path, tmp_path: Path) -> None:
    with printing(job, tmp_path):
        told = give_order("left", "status")
        assert told is not None
        assert (told["name"], told["file"], told["pid"]) == ("left", str(job), os.getpid())
        assert told["lines_total"] == len(JOB)
        give_order("left", "cancel")


def test_the_socket_is_its_owners_alone(job: Path, tmp_path: Path) -> None:
    with Desk("left", VirtualLink(), LIMITS):
        path = desk_path("left")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


HUGE = b'{"order": "tune", "bed_c": 1%b}' % (b"0" * 400)  # more than a float holds


@pytest.mark.parametrize(
    "line",
    [b"", b"stop", b"[]", b'{"order": 5}', b'{"order": "dance"}', b"\xff\xfe", b"7", b"[" * 4000, HUGE],
    ids=lambda line: repr(line[:30]),
)
def test_what_is_no_order_is_answered_and_harmless(line: bytes) -> None:
    with Desk("left", VirtualLink(), LIMITS), socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(desk_path("left")))
        asker.sendall(line + b"\n")
        with asker.makefile("rb") as said:
            assert json.loads(said.readlines()[-1])["error"] == "InputError"
        assert give_order("left", "status")


def test_one_who_says_nothing_holds_up_nobody() -> None:
    with Desk("left", VirtualLink(), LIMITS), socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(desk_path("left")))
        silent.sendall(b'{"order"')
        assert give_order("left", "status")


def test_the_socket_of_a_killed_process_is_taken_over() -> None:
    dead = socket.socket(socket.AF_UNIX)
    desk_path("left").parent.mkdir(parents=True)
    dead.bind(str(desk_path("left")))
    dead.close()
    assert give_order("left", "status") is None
    with Desk("left", VirtualLink(), LIMITS):
        assert give_order("left", "status")


def test_a_second_print_of_one_name_leaves_the_first_its_socket() -> None:
    with Desk("left", VirtualLink(), LIMITS, {"file": "first"}):
        with Desk("left", VirtualLink(), LIMITS, {"file": "second"}):
            assert printing_now() == ("left", f"left-{os.getpid()}")
        told = give_order("left", "status")
        assert told is not None
        assert told["file"] == "first"


ONE_OF_MANY = """
import os, sys
from printprep.printers.control import Desk
from printprep.printers.orders import give_order
from printprep.printers.tuning import TuneLimits
print("ready", flush=True)
sys.stdin.readline()
for _ in range(15):
    with Desk("left", None, TuneLimits()) as desk:
        told = give_order(desk.reached_as, "status")
        assert told and told["pid"] == os.getpid(), f"{desk.reached_as}: {told}"
"""


def test_of_many_prints_that_begin_at_once_each_is_reached() -> None:
    """Whoever looks, finds nobody and sits down must do so alone, or it takes the place of another that did so too."""
    command = [sys.executable, "-c", ONE_OF_MANY]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    many = [subprocess.Popen(command, text=True, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    for one in many:
        assert one.stdout.readline() == "ready\n"
    for one in many:
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in many:
        _, complaint = one.communicate(timeout=120)
        assert one.returncode == 0, complaint


STRANGER = """
import os, socket, sys
os.setuid(65534)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
asker, _ = listener.accept()
print(asker.recv(4096), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_the_desk_of_another_user_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's own, which nobody else may enter
        os.chmod(folder, 0o777)
        monkeypatch.setenv("PRINTPREP_RUNTIME", folder)
        command = [sys.executable, "-c", STRANGER, str(desk_path("left"))]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as stranger:
            assert stranger.stdout is not None
            assert stranger.stdout.readline() == "ready\n"
            with pytest.raises(PrinterError, match="another user's; set PRINTPREP_RUNTIME"):
                give_order("left", "stop")
            assert stranger.stdout.readline() == "b''\n"


class SlowServer(VirtualLink):
    """A link whose stop takes as long as a server far away does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.done = threading.Event(), threading.Event()

    def emergency_stop(self) -> str:
        self.asked.set()
        self.done.wait()
        return STOPPED


def test_a_stop_that_takes_its_time_is_waited_for_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "ANSWER_S", 0.5)
    answers: list[object] = []
    link = SlowServer()
    with Desk("left", link, LIMITS):
        asker = threading.Thread(target=lambda: answers.append(give_order("left", "stop")))
        asker.start()
        until(link.asked.is_set)
        asker.join(1.0)  # beyond the patience for a first word
        assert asker.is_alive()
        assert give_order("left", "status")
        link.done.set()
        asker.join()
    assert answers == [{"done": "left was sent its firmware's stop; reset it before it is used again"}]


def test_a_process_that_heard_a_stop_and_died_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "DEED_S", 0.2)
    link = SlowServer()
    with Desk("left", link, LIMITS):
        with pytest.raises(PrinterError, match="heard the order 'stop' and does not say what became of it"):
            give_order("left", "stop")
        link.done.set()


def test_nothing_is_heated_by_a_tuning_that_comes_after_the_cancel(job: Path, tmp_path: Path) -> None:
    with printing(job, tmp_path) as (link, outcomes):
        link.cancel()
        until(lambda: outcomes)
        with pytest.raises(PrinterError, match="nothing now that could be tuned"):
            give_order("left", "tune", bed_c=60)
    assert link.printer.firmware.bed.target_c == 0


def test_stop_is_sent_before_all_that_waits(tmp_path: Path) -> None:
    """A printer that reads nothing: the kernel holds what was written, and the stop does not wait behind it."""
    controller, terminal = os.openpty()
    port = Port(os.ttyname(terminal), 115_200)
    with suppress(BlockingIOError):
        while os.write(port.descriptor, b"G1 X1\n" * 100):
            pass
    port.stop(Marlin.manners.stop)
    os.set_blocking(controller, False)
    heard = b""
    with suppress(BlockingIOError):
        while data := os.read(controller, 1 << 20):
            heard += data
    assert heard.endswith(b"\nM112\n")
    port.close()
    os.close(controller)
    os.close(terminal)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[VirtualPrinter, subprocess.Popen[str]]]:
    """A virtual printer, real time, named left; and `printprep send` on it as a process."""
    log = tmp_path / "printed.log"
    job = tmp_path / "job.gcode"
    head = "G21\nG90\nM83\nM140 S60\nM104 S200\nG28\n"  # no M190: until the bed is warm a firmware takes no order
    moves = "".join(f"G1 X{20 + n % 2 * 30} Y20 F6000\n" for n in range(2000))
    job.write_text(head + moves + "M104 S0\nM140 S0\n", encoding="ascii")
    with VirtualPrinter(log=log, tools=1, speed="real") as printer:
        add = [*PROGRAM, "printer", "add", "left", "--profile", "ender-3", "--port", printer.port]
        subprocess.run(add, check=True, capture_output=True)
        command = [*PROGRAM, "send", str(job), "--printer", "left"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sender:
            until(lambda: printer.firmware.accepted > 5 or sender.poll() is not None)
            assert sender.poll() is None, sender.communicate()
            yield printer, sender
            if sender.poll() is None:
                sender.send_signal(signal.SIGTERM)


def order(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, "printer", *words], capture_output=True, text=True, check=False)


def test_stop_from_another_process_halts_the_printer(shop: tuple[VirtualPrinter, subprocess.Popen[str]]) -> None:
    printer, sender = shop
    done = order("stop", "left", "--json")
    assert done.returncode == 0, done.stderr
    until(lambda: printer.firmware.halted)
    assert json.loads(done.stdout)["done"].startswith("left was sent its firmware's stop")
    _, complaint = sender.communicate(timeout=60)
    assert sender.returncode == 4
    assert "stopped by M112 on request" in complaint


def test_a_print_is_steered_from_the_command_line(shop: tuple[VirtualPrinter, subprocess.Popen[str]]) -> None:
    printer, sender = shop
    until(lambda: "60 °C" in order("status", "left").stdout)
    refused = order("tune", "left", "--bed", "300")
    assert refused.returncode == 2
    assert "bed 300 °C is refused; 0 to 110 °C is allowed" in refused.stderr
    tuned = order("tune", "left", "--speed", "80", "--tool", "0=210", "--bed", "65")
    assert tuned.stdout == "M220 S80, M104 S210, M140 S65\n", tuned.stderr
    until(lambda: printer.firmware.bed.target_c == 65)
    assert order("cancel", "left").returncode == 0
    said, complaint = sender.communicate(timeout=60)
    assert sender.returncode == 4, complaint
    assert "cancelled" in said
    assert printer.firmware.bed.target_c == 0
    nobody = order("pause", "left")
    assert nobody.returncode == 4
    assert "no process of this user prints on left now" in nobody.stderr


def test_the_asking_side_imports_next_to_nothing() -> None:
    """A stop is in a hurry: what takes long to import is not imported for it."""
    heavy = ("numpy", "numba", "pydantic", "serial", "rich")
    modules = "printprep.printers.orders, printprep.cli.root, printprep.cli.printer"
    script = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_stop_goes_out_before_the_command_line_is_loaded() -> None:
    watch = "import sys, socket; from printprep.cli.main import main; send = socket.socket.sendall"
    said = "print(sorted({'click', 'rich', 'pydantic', 'dataclasses', 'inspect'} & set(sys.modules)), file=sys.stderr)"
    swap = f"socket.socket.sendall = lambda *words: ({said}, send(*words))"
    with Desk("left", VirtualLink(), LIMITS) as desk:
        del desk
        command = [sys.executable, "-c", f"{watch}; {swap}; main()", "printer", "stop", "left"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[0] == "[]", done.stderr


def test_a_stop_that_nobody_waits_for_is_one_of_which_nobody_knows() -> None:
    link = SlowServer()
    with Desk("left", link, LIMITS):
        command = [sys.executable, "-c", "from printprep.cli.main import main; main()", "printer", "stop", "left"]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asker:
            until(link.asked.is_set)
            asker.send_signal(signal.SIGINT)
            said, complaint = asker.communicate(timeout=60)
        link.done.set()
    assert asker.returncode == 4
    assert said == ""
    assert complaint == "PrinterError: interrupted: nobody knows whether left was stopped; look at the printer\n"


def test_a_stop_whose_reader_has_gone_is_a_stop() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    link = SlowServer()
    link.done.set()
    with Desk("left", link, LIMITS):
        command = [sys.executable, "-c", "from printprep.cli.main import main; main()", "printer", "stop", "left"]
        done = subprocess.run(command, text=True, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert link.asked.is_set()
    assert (done.returncode, done.stderr) == (0, "")


def test_a_smoothieboard_is_stopped_while_it_heats(tmp_path: Path) -> None:
    """There M112 waits behind what waits for heat; ^X does not."""
    job = tmp_path / "job.gcode"
    job.write_text("M104 S200\nM109 S200\nG28\n", encoding="ascii")
    with VirtualPrinter(speed="real", dialect="smoothieware") as printer:
        link = SerialLink(printer.port, dialect=Smoothieware)
        link.connect()
        outcomes: list[PrintOutcome] = []
        thread = threading.Thread(target=lambda: outcomes.append(link.print_file(job)))
        thread.start()
        until(lambda: printer.firmware.hotends[0].target_c == 200)
        link.emergency_stop()
        until(lambda: printer.firmware.halted)
        thread.join()
        link.close()
    assert outcomes[0].ending is Ending.FAILED


def test_stop_opens_the_port_when_nobody_prints() -> None:
    with VirtualPrinter(speed="real") as printer:
        add = order("add", "left", "--profile", "ender-3", "--port", printer.port)
        assert add.returncode == 0, add.stderr
        assert order("stop", "left").returncode == 0
        until(lambda: printer.firmware.halted)


def test_tell_before_a_print_is_refused() -> None:
    link = VirtualLink(dialect=Marlin)
    with pytest.raises(PrinterError, match="prints nothing now"):
        link.tell(b"M140 S60")
