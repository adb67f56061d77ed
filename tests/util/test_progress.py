from rollcall.util.progress import announce, bar, track


def test_a_bar_takes_the_amount_done(monkeypatch, capsys):
    monkeypatch.setenv("ROLLCALL_PLAIN_PROGRESS", "1")
    with bar(4, "Preparing", "file") as show:
        show(1)
        show(4)
    assert "Preparing: 100%" in capsys.readouterr().err


def test_items_are_tracked_in_order(monkeypatch, capsys):
    monkeypatch.setenv("ROLLCALL_PLAIN_PROGRESS", "1")
    assert list(track(iter("abc"), "Attacking", "attack")) == ["a", "b", "c"]
    assert "3/3 attacks" in capsys.readouterr().err


def test_an_announcement_is_a_line_on_stderr(capsys):
    announce("reading")
    assert capsys.readouterr() == ("", "reading\n")
