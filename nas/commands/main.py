"""The `nas` command. Only click is imported until a command is called."""

from typing import NoReturn

from nas.commands.help.early import imported
from nas.commands.help.table import Commands, Entry
from results.terminal import entry

# A command is a file beside this one and one entry here.
TABLE = {
    "Find a network": {
        "search": Entry(
            "nas.commands.search",
            "Search for the most accurate network within a budget of computation, time or memory.",
            (
                "nas search --target-flops 400M",
                "nas search --device zcu102 --target-latency 5ms --max-params 5M",
                "nas search --target-flops 30M --data IMAGES",
            ),
        ),
        "fit": Entry(
            "nas.commands.images.fit",
            "Go all the way from a folder of images to a trained network in an ONNX file.",
            ("nas fit IMAGES --target-flops 30M --name pets",),
        ),
        "supernet": Entry(
            "nas.commands.images.supernet",
            "Train one network whose weights a whole space shares, for searches on your images.",
            ("nas supernet --data IMAGES --name shared --target-flops 30M",),
        ),
        "predict": Entry(
            "nas.commands.predict",
            "Predict what networks would reach on ImageNet, without training them.",
            (
                "nas predict efficientnet_b0 mobilenet_v2",
                "nas predict runs/mbconv-400M",
                "nas predict 'ds_r1_k3_s1_e1_c16 ir_r2_k3_s2_e6_c24 ir_r3_k5_s2_e6_c40 "
                "ir_r4_k3_s2_e6_c80 ir_r2_k5_s2_e6_c192' --pixels 192",
            ),
        ),
    },
    "Train it and take it away": {
        "train": Entry(
            "nas.commands.images.train",
            "Train a network to the end on your own images.",
            ("nas train mbconv-30M --data IMAGES", "nas train mobilenet_v2 --data IMAGES"),
        ),
        "classify": Entry(
            "nas.commands.images.classify",
            "Say which class each image is of, by a network that was trained or exported.",
            ("nas classify runs/pets/export/pets.onnx photo.jpg",),
        ),
        "export": Entry(
            "nas.commands.export",
            "Write a network as PyTorch, timm, TensorFlow, ONNX, OpenVINO, LiteRT and other files.",
            ("nas export mbconv-400M exported --to torch,onnx",),
        ),
    },
    "Look at what there is": {
        "show": Entry(
            "nas.commands.look",
            "Print a network stage by stage, with what each stage costs.",
            ("nas show efficientnet_b0", "nas show mbconv-400M:@300M"),
        ),
        "spaces": Entry(
            "nas.commands.look",
            "List the search spaces: how many networks they hold and what these cost.",
            ("nas spaces", "nas spaces mbconv mine.toml"),
        ),
        "devices": Entry(
            "nas.commands.look",
            "List the devices whose latency or throughput can be a target.",
            (
                "nas devices",
                "nas devices zcu102 here.json",
                "nas devices import TABLE.yaml --out phone.json",
            ),
        ),
        "runs": Entry(
            "nas.commands.runs",
            "List your runs: what each was for, what it found, and whether it ended.",
            ("nas runs", "nas runs --runs elsewhere"),
        ),
        "compare": Entry(
            "nas.commands.runs",
            "Put runs side by side: their picks, and the best of each front within equal budgets.",
            (
                "nas compare mbconv-400M mbconv-300M",
                "nas compare a b --budgets 100M,400M --out ab.html",
            ),
        ),
        "report": Entry(
            "nas.commands.report",
            "Make an HTML page of a search: its pick, its front, its progress, its costs.",
            ("nas report mbconv-400M --open",),
        ),
        "dashboard": Entry(
            "nas.commands.report",
            "Show a search's trials in Optuna's dashboard, in a browser, until Ctrl-C.",
            ("nas dashboard mbconv-400M",),
        ),
    },
    "Know how far to trust it": {
        "audit": Entry(
            "nas.commands.audit",
            "Measure how well short trainings on your images rank networks.",
            ("nas audit --target-flops 30M --data IMAGES --epochs 1,3,9",),
        ),
        "bench": Entry(
            "nas.commands.bench",
            "Compare search strategies on results that are already known.",
            ("nas bench --strategies random,tpe,evolution", "nas bench --table mine.csv"),
        ),
    },
    "Know this machine": {
        "profile": Entry(
            "nas.commands.profile",
            "Time the blocks of a search space here, for searches with a target in milliseconds.",
            ("nas profile --out here.json",),
        ),
        "measure": Entry(
            "nas.commands.profile",
            "Run a network here and measure its latency, throughput and peak memory.",
            ("nas measure efficientnet_b0", "nas measure mbconv-400M --predict here.json"),
        ),
    },
}

cli = Commands(
    "Find a convolutional network for a hardware budget.",
    TABLE,
    ("nas search --target-flops 400M", "nas fit IMAGES --target-flops 30M", "nas COMMAND --help"),
)


def main() -> NoReturn:
    """Runs `nas` and leaves the process."""
    imported()
    entry(cli, "nas")


if __name__ == "__main__":
    main()
