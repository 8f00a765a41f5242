"""`make sbom`: what a release is made of, as CycloneDX in JSON, for those who look it over.

The components are the pins of constraints.txt, those that only the extra `report` asks for as
optional. All of it follows from that file, so that everybody makes the same; licences would have to
be read from what happens to be installed.
"""

import argparse
import datetime as dt
import sys
import uuid
from pathlib import Path

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from mtasts_resolver import __version__
from releasing.metadata import DESCRIPTION, LICENSE, NAME, run_requirements
from releasing.pins import Pin, needed, read_pins
from releasing.tree import CONSTRAINTS, ROOT, TreeError, source_date

SCHEMA = SchemaVersion.V1_6
"""Not the newest: what reads SBOMs follows slowly."""


def sbom(constraints: str, date: int, version: str = __version__) -> str:
    """Return the SBOM of a release that bears `date`, in seconds since 1970."""
    pins = read_pins(constraints)
    required = needed(pins, run_requirements())
    components = [(pin, _component(pin, optional=pin not in required)) for pin in pins]
    program = Component(
        type=ComponentType.APPLICATION,
        name=NAME,
        version=version,
        bom_ref=NAME,
        description=DESCRIPTION,
        licenses=[DisjunctiveLicense(id=LICENSE)],
        purl=PackageURL("pypi", name=NAME, version=version),
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, f"{NAME} {version} {date} {constraints}"),
        metadata=BomMetaData(component=program, timestamp=dt.datetime.fromtimestamp(date, dt.UTC)),
        components=[component for _, component in components],
    )
    for asking in [program, *(component for _, component in components)]:
        name = canonicalize_name(asking.name)
        bom.register_dependency(asking, [one for pin, one in components if name in pin.asked_by])
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2) + "\n"


def _component(pin: Pin, *, optional: bool) -> Component:
    url = PackageURL("pypi", name=pin.name, version=str(pin.version))
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(url.to_string()),
        comment="each file of this version",
        hashes=[
            HashType(alg=HashAlgorithm.SHA_256, content=value.removeprefix("sha256:"))
            for value in pin.hashes
        ],
    )
    return Component(
        name=pin.name,
        version=str(pin.version),
        bom_ref=url.to_string(),
        description=f"where {pin.marker}" if pin.marker else None,
        scope=ComponentScope.OPTIONAL if optional else ComponentScope.REQUIRED,
        purl=url,
        external_references=[files],
    )


def write_sbom(directory: Path) -> Path:
    """Write the SBOM into a directory, and return its path; raise TreeError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{NAME.replace('-', '_')}-{__version__}.cdx.json"
    text = sbom(CONSTRAINTS.read_text(encoding="utf-8"), source_date())
    if error := JsonStrictValidator(SCHEMA).validate_str(text):
        raise ValueError(f"what was made is not valid: {error}")
    path.write_text(text, encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="releasing.sbom", description="Write the SBOM.")
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "dist")
    try:
        print(write_sbom(parser.parse_args().directory))
    except TreeError as error:
        sys.exit(f"Not written: {error}")


if __name__ == "__main__":
    main()
