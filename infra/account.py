"""What the commands of this folder share: the AWS command line, and how they talk."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"

# Parameter of the template, and the setting that its secret is for.
SECRETS = {
    "DtApiTokenParameter": "DT_API_TOKEN",
    "WebhookTokenParameter": "WEBHOOK_TOKEN",
    "ReportKeysParameter": "REPORT_KEYS",
    "ResultHookSecretParameter": "RESULT_HOOK_SECRET",
}

TABLES = ("Validations", "Ledger", "Remediations")

# What a problem notification carries.
HEADER = "x-unbreakable-token"
PAYLOAD = (ROOT / "infra" / "dynatrace" / "payload.txt").read_text().strip()


def parameters_section():
    return TEMPLATE.read_text().partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]


def default_of(parameter):
    """The default that the template gives a parameter."""
    return re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (.*)$", parameters_section(), re.MULTILINE)[1]


class Trouble(Exception):
    """What a person must know, in a sentence."""


class Refused(Trouble):
    """AWS refused a call; `code` is its word for why."""

    def __init__(self, call, stderr):
        self.code = stderr.partition("(")[2].partition(")")[0]
        super().__init__(f"`aws {call}` failed: {stderr.strip()}")


class Aws:
    """The AWS command line, in one region and with whatever credentials it finds."""

    def __init__(self, region=None, profile=None):
        self.command = need("aws", "the AWS command line: https://aws.amazon.com/cli")
        self.options = ["--output", "json", "--no-cli-pager"]
        if b"aws-cli/1" in subprocess.run([self.command, "--version"], capture_output=True).stdout:
            self.options.remove("--no-cli-pager")
        if region:
            self.options += ["--region", region]
        if profile:
            self.options += ["--profile", profile]

    def __call__(self, *words):
        """Calls an operation and returns its answer."""
        run = subprocess.run(
            [self.command, *words, *self.options], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if run.returncode != 0:
            raise Refused(" ".join(words[:2]), run.stderr or run.stdout)
        try:
            return json.loads(run.stdout)
        except ValueError:
            return run.stdout

    def secretly(self, *words, given):
        """The same with input that nobody may see among the arguments of a process."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(given, file)
            file.flush()
            return self(*words, "--cli-input-json", f"file://{file.name}")

    def find(self, absent, *words):
        """The same for what may not exist, which AWS says in the word `absent`."""
        try:
            return self(*words)
        except Refused as refused:
            if absent in str(refused):
                return None
            raise

    def region(self):
        given = self.options[self.options.index("--region") + 1] if "--region" in self.options else None
        region = given or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            asked = subprocess.run([self.command, "configure", "get", "region"], capture_output=True, text=True)
            region = asked.stdout.strip()
        if not region:
            raise Trouble("no region is configured: give --region")
        return region

    def stack(self, name):
        """The stack of this name as it stands, or nothing."""
        found = self.find("does not exist", "cloudformation", "describe-stacks", "--stack-name", name)
        return found["Stacks"][0] if found else None


def need(tool, what):
    path = shutil.which(tool)
    if path is None:
        raise Trouble(f"`{tool}` is missing: install {what}")
    return path


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"== {text}")


def run(main):
    """Runs a command; trouble is told in a sentence and not as a trace."""
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(f"{Path(sys.argv[0]).name}: {trouble}")
    except KeyboardInterrupt:
        sys.exit(f"{Path(sys.argv[0]).name}: interrupted; run it again to go on")
