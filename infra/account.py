"""What the commands of this folder share: the AWS command line, and how they talk."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cached_property
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

TABLES = ("Validations", "Ledger", "Remediations", "Flags")

# How a stack stands when CloudFormation begins with it.
BEGINS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")

# How it stands when it holds nothing and is in the way.
LEFTOVERS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED")

# What a problem notification carries.
HEADER = "x-unbreakable-token"
PAYLOAD = (ROOT / "infra" / "dynatrace" / "payload.txt").read_text().strip()


def declared(template=TEMPLATE):
    """The parameters of a template, each with what is said of it: as much of YAML as they are written in."""
    section = template.read_text().partition("\nParameters:\n")[2].partition("\nConditions:\n")[0]
    parameters = {}
    for line in section.splitlines():
        if name := re.fullmatch(r"  (\w+):", line):
            words = parameters[name[1]] = {}
        elif word := re.fullmatch(r"    (\w+): (.*)", line):
            inside = re.fullmatch(r"\[(.*)\]", word[2])
            words[word[1]] = [scalar(each) for each in inside[1].split(", ")] if inside else scalar(word[2])
    return parameters


def scalar(text):
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


def default_of(parameter):
    """The default that the template gives a parameter, if any."""
    return declared()[parameter].get("Default")


def given(words, parameters):
    """What --set is told."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in parameters:
            raise Trouble(f"--set {word}: there is no such parameter; it is one of {', '.join(sorted(parameters))}")
        values[name] = value
    return values


def hold(values, parameters):
    """Refuses what CloudFormation would refuse, before anything is made."""
    for name, value in sorted(values.items()):
        said = parameters[name]
        if value not in said.get("AllowedValues", [value]):
            raise Trouble(f"{name} is `{value}`: it must be one of {', '.join(said['AllowedValues'])}")
        each = value.split(",") if said["Type"] == "CommaDelimitedList" else [value]
        pattern = said.get("AllowedPattern", "(?s:.*)")
        if not all(re.fullmatch(pattern, one) for one in each):
            raise Trouble(f"{name} is `{value}`: it must look like {pattern}")
        if said["Type"] == "Number":
            if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
                raise Trouble(f"{name} is `{value}`, which is no number")
            if float(value) < float(said.get("MinValue", value)):
                raise Trouble(f"{name} is `{value}`: it must be at least {said['MinValue']}")
            if float(value) > float(said.get("MaxValue", value)):
                raise Trouble(f"{name} is `{value}`: it must be at most {said['MaxValue']}")


class Trouble(Exception):
    """What a person must know, in a sentence."""


class Foreign(Trouble):
    """What has the name of a thing of ours and is another's."""


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
        given = {"--region": region, "--profile": profile}
        self.place = [word for flag, value in given.items() if value for word in (flag, value)]
        self.options += self.place

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

    def meant(self, stack=None):
        """What a printed command needs to mean the same stack in the same place."""
        words = ["--stack", stack] if stack and stack != "unbreakable" else []
        return "".join(f" {shlex.quote(word)}" for word in words + self.place)

    @cached_property
    def account(self):
        return self("sts", "get-caller-identity")["Account"]

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

    def deployable(self, name):
        """The same. One that CloudFormation cannot deploy to is trouble, unless it is a leftover."""
        stack = self.stack(name)
        status = stack["StackStatus"] if stack else ""
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Trouble(
                f"an update failed, and so did the way back:\n{self.reasons(name)}\nMend that, run this and wait:\n"
                f"   aws cloudformation continue-update-rollback --stack-name {shlex.quote(name)}{self.meant()}")
        if status.endswith("_IN_PROGRESS") and status not in LEFTOVERS:
            raise Trouble(f"the stack is in {status}: wait until that has ended, then run this again")
        return stack

    def delete_stack(self, name):
        self("cloudformation", "delete-stack", "--stack-name", name)
        try:
            self("cloudformation", "wait", "stack-delete-complete", "--stack-name", name)
        except Refused as refused:
            raise Trouble(f"{refused}\n{self.reasons(name)}") from None

    def deploy_stack(self, name, template, parameters, bucket, application, stays):
        """Deploys a template by way of a bucket; parameters that are not given stay as they are.

        A leftover is deleted at the last moment, because it knows its parameters.
        """
        with tempfile.TemporaryDirectory() as folder:
            packaged = Path(folder) / "template.yaml"
            self("cloudformation", "package", "--template-file", str(template), "--s3-bucket", bucket,
                 "--s3-prefix", name, "--output-template-file", str(packaged))
            overrides = Path(folder) / "parameters.json"
            overrides.write_text(json.dumps([f"{key}={value}" for key, value in sorted(parameters.items())]))
            stack = self.stack(name)
            if is_leftover(stack):
                step(f"An earlier attempt left the stack in {stack['StackStatus']}: it is deleted, {stays} stay")
                self.delete_stack(name)
            try:
                self("cloudformation", "deploy", "--stack-name", name, "--template-file", str(packaged),
                     "--s3-bucket", bucket, "--s3-prefix", name,
                     "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-fail-on-empty-changeset",
                     "--tags", f"Application={application}", "--parameter-overrides", f"file://{overrides}")
            except Refused as refused:
                raise Trouble(f"{refused}\n{self.reasons(name)}") from None

    def reasons(self, name):
        """What CloudFormation says of the resources that failed, since it began the last time."""
        found = self.find("does not exist", "cloudformation", "describe-stack-events", "--stack-name", name)
        reasons = []
        # The newest comes first.
        for event in (found or {}).get("StackEvents", []):
            status = event["ResourceStatus"]
            if event["LogicalResourceId"] == name and status in BEGINS:
                break
            if status.endswith("_FAILED"):
                reasons.append(f"   {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
        return "\n".join(reasons)

    def has_bucket(self, bucket):
        """Whether this account has it. Anybody may take a name, and CloudFormation would run their code."""
        try:
            found = self.find("404", "s3api", "head-bucket", "--bucket", bucket,
                              "--expected-bucket-owner", self.account)
        except Refused as refused:
            if refused.code != "403":
                raise
            raise Foreign(f"the bucket {bucket} belongs to another account, or you may not see it") from None
        return found is not None

    def create_bucket(self, bucket):
        """A bucket that nobody outside can read."""
        region = self.region()
        place = [] if region == "us-east-1" else ["--create-bucket-configuration", f"LocationConstraint={region}"]
        self("s3api", "create-bucket", "--bucket", bucket, *place)
        self("s3api", "put-public-access-block", "--bucket", bucket, "--public-access-block-configuration",
             "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")


def is_leftover(stack):
    return stack is not None and stack["StackStatus"] in LEFTOVERS


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
