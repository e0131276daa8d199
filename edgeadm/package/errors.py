"""Errors of packages: verification, download and build."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError, MissingToolError


class PackageError(EdgeadmError):
    """The package cannot be used."""

    code = "package"
    exit_code = 6


class PackageNotFoundError(PackageError):
    """The package file or directory does not exist."""

    code = "package-not-found"


class NotAPackageError(PackageError):
    """The file or directory is neither an edgeadm package nor one in upstream's layout."""

    code = "not-a-package"


class PackageSchemaError(PackageError):
    """This edgeadm does not support the schema version of the package's manifest."""

    code = "package-schema"


class PackageManifestError(PackageError):
    """The package's manifest is malformed."""

    code = "package-manifest"


class PackageManifestSizeError(PackageManifestError):
    """The package's manifest is larger than the limit."""

    code = "package-manifest-size"


class PackageArchError(PackageError):
    """The package, or a binary in it, is for another architecture."""

    code = "package-arch"


class PackageFileAlteredError(PackageError):
    """A file's content, size, mode or kind differs from the manifest."""

    code = "package-file-altered"


class PackageFileMissingError(PackageError):
    """A file that the manifest lists is not in the package."""

    code = "package-file-missing"


class PackageFileExtraError(PackageError):
    """The package contains a file that is not in its manifest."""

    code = "package-file-extra"


class PackageDuplicateError(PackageError):
    """The package or its manifest contains the same path twice."""

    code = "package-duplicate"


class PackagePathError(PackageError):
    """A path in the package is absolute, contains `..`, or is not normalized."""

    code = "package-path"


class PackageLinkError(PackageError):
    """A symbolic link in the package leaves the package's tree, or a path goes through a link."""

    code = "package-link"


class PackageEntryKindError(PackageError):
    """The package contains a device, a named pipe, a hard link or another special file."""

    code = "package-entry-kind"


class PackageTruncatedError(PackageError):
    """The package is truncated: a copy or a download was incomplete."""

    code = "package-truncated"


class PackageTrailingError(PackageError):
    """The package has data after its end."""

    code = "package-trailing-bytes"


class PackageDamagedError(PackageError):
    """The package's compressed data or an archive header in it cannot be decoded."""

    code = "package-damaged"


class PackageTargetError(PackageError):
    """The directory to unpack the package to already exists."""

    code = "package-target-exists"


class UnpackError(EdgeadmError):
    """The package could not be written to the disk: it is full or not writable."""

    code = "package-unpack"
    exit_code = 4


class ChecksumError(PackageError):
    """The file's sha256 differs from the given one."""

    code = "package-checksum"


class ChecksumMissingError(PackageError):
    """A package in upstream's layout contains no checksums, and none was given."""

    code = "package-checksum-missing"


class SourceTooLargeError(PackageError):
    """The download is larger than the limit."""

    code = "package-too-large"


class SourceError(PackageError):
    """The location of the package is neither a path nor a supported URL."""

    code = "package-source"


class DownloadError(EdgeadmError):
    """The server with the package is not reachable, rejected the request, or closed the connection."""

    code = "package-download"
    exit_code = 5


class UnknownRecipeError(EdgeadmError):
    """There is no recipe for a package of this Kubernetes version."""

    code = "unknown-recipe"
    exit_code = 3


class RecipeError(EdgeadmError):
    """A recipe is inconsistent."""

    code = "recipe"
    exit_code = 3


class GoToolchainMissingError(MissingToolError):
    """The Go toolchain for package builds is not installed."""

    code = "go-toolchain-missing"


class CrossBuildError(EdgeadmError):
    """A part of the package can only be built on a host of the package's architecture."""

    code = "cross-build-unsupported"
    exit_code = 3


class BuildError(EdgeadmError):
    """A binary of the package could not be built, or does not match its recipe."""

    code = "package-build"
    exit_code = 4
