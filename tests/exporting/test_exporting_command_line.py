"""`python -m jdend.exporting`."""

from exported_models import small_model

from jdend.exporting.__main__ import main
from jdend.models import save


def test_it_writes_the_file_and_prints_its_size(tmp_path, capsys):
    folder = save(small_model(), tmp_path / "saved")
    assert main([str(folder), "c", str(tmp_path / "n.c"), "--weights", "int8"]) == 0
    assert "n.c: 437 bytes of tables, 20 bytes of stack" in capsys.readouterr().out
    assert (tmp_path / "n.c").exists()


def test_what_cannot_be_exported_is_one_line(tmp_path, capsys):
    assert main([str(tmp_path), "c"]) == 2
    assert "holds no saved model" in capsys.readouterr().err
