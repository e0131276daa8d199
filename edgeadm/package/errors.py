"""Why a package is refused, and what can go wrong when one is fetched or built."""

from __future__ import annotations

from edgeadm.errors import EdgeadmError, MissingToolError


class PackageError(EdgeadmError):
    """The package cannot be used."""

    code = "package"
    exit_code = 6


class PackageNotFoundError(PackageError):
    """There is no file or folder where the package should be."""

    code = "package-not-found"


class NotAPackageError(PackageError):
    """The file or folder is not a package of edgeadm's and not one in upstream's layout."""

    code = "not-a-package"


class PackageSchemaError(PackageError):
    """The package's manifest has a schema version that this edgeadm does not know."""

    code = "package-schema"


class PackageManifestError(PackageError):
    """The package's manifest is not what a manifest must be."""

    code = "package-manifest"


class PackageManifestSizeError(PackageManifestError):
    """The package's manifest is larger than any true manifest is."""

    code = "package-manifest-size"


class PackageArchError(PackageError):
    """The package, or a program in it, is for another processor architecture."""

    code = "package-arch"


class PackageFileAlteredError(PackageError):
    """A file's bytes, size, mode or kind differ from what the manifest says."""

    code = "package-file-altered"


class PackageFileMissingError(PackageError):
    """A file that the manifest lists is not in the package."""

    code = "package-file-missing"


class PackageFileExtraError(PackageError):
    """The package holds a file that its manifest does not list."""

    code = "package-file-extra"


class PackageDuplicateError(PackageError):
    """The package holds, or its manifest lists, the same path twice."""

    code = "package-duplicate"


class PackagePathError(PackageError):
    """A path in the package is absolute, has `..` in it, or is not written in its plain form."""

    code = "package-path"


class PackageLinkError(PackageError):
    """A symbolic link in the package leaves the package's tree, or a path goes through a link."""

    code = "package-link"


class PackageEntryKindError(PackageError):
    """The package holds a device, a named pipe, a hard link or something else that is no file."""

    code = "package-entry-kind"


class PackageTruncatedError(PackageError):
    """The package ends too early: a copy or a download was cut off."""

    code = "package-truncated"


class PackageTrailingError(PackageError):
    """The package goes on after its end."""

    code = "package-trailing-bytes"


class PackageDamagedError(PackageError):
    """The package's compressed data or an archive header in it cannot be decoded."""

    code = "package-damaged"


class PackageTargetError(PackageError):
    """The folder that the package should be unpacked to exists already."""

    code = "package-target-exists"


class UnpackError(EdgeadmError):
    """What a package holds could not be written to the disk: it is full, or may not be written to."""

    code = "package-unpack"
    exit_code = 4


class ChecksumError(PackageError):
    """The file's sha256 is not the one that was given."""

    code = "package-checksum"


class ChecksumMissingError(PackageError):
    """A package in upstream's layout says nothing about its contents, and no checksum was given."""

    code = "package-checksum-missing"


class SourceTooLargeError(PackageError):
    """What is downloaded is larger than the limit."""

    code = "package-too-large"


class SourceError(PackageError):
    """The place that the package should come from is not a path or an address that edgeadm understands."""

    code = "package-source"


class DownloadError(EdgeadmError):
    """The server with the package was not reached, refused, or went away."""

    code = "package-download"
    exit_code = 5


class UnknownRecipeError(EdgeadmError):
    """There is no recipe for a package of this Kubernetes version."""

    code = "unknown-recipe"
    exit_code = 3


class RecipeError(EdgeadmError):
    """A recipe does not fit together."""

    code = "recipe"
    exit_code = 3


class GoToolchainMissingError(MissingToolError):
    """The Go toolchain that packages are built with is not installed."""

    code = "go-toolchain-missing"


class CrossBuildError(EdgeadmError):
    """A part of the package can only be built on a machine of the wanted architecture."""

    code = "cross-build-unsupported"
    exit_code = 3


class BuildError(EdgeadmError):
    """A program of the package could not be built, or what was built is not what the recipe promises."""

    code = "package-build"
    exit_code = 4
