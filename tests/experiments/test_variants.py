"""Variants: what sets a run apart, its name and its label."""

from rollcall.experiments import variants


def test_variants():
    assert variants.parse_variant("wrn_40_4 settings.width=3 epochs:2 option.size=64") == (
        "wrn_40_4",
        ["size=64"],
        ["settings.width=3", "epochs=2"],
    )
    own = variants.parse_variant("my/nets.py:Net settings.width:3")
    assert own == ("my/nets.py:Net", [], ["settings.width=3"])
    assert variants.name_run("nets.py:Net width:3") == "nets-Net-width-3"
    assert variants.parse_variant("timm:resnet18 epochs:2") == ("timm:resnet18", [], ["epochs=2"])
    assert variants.name_run("settings.width=64 epochs:10") == "width-64-epochs-10"
    assert variants.name_run("../..") == "variant"
    assert variants.parse_variant(" plain ") == ("", [], [])
    assert variants.name_run("privacy.unit:patient privacy.epsilon:3") == "unit-patient-epsilon-3"
    assert variants.label_variant("settings.width=64 epochs:10") == "width 64 epochs 10"
