"""A sandbox: bare nodes on an isolated switch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeadm.clock import CLOCK
from edgeadm.hosts.process import execute
from edgeadm.sandbox import boot, cgroups, dhcp, hostsfile, image, kernel, keys, layer, names, second, switch
from edgeadm.sandbox.errors import VmError
from edgeadm.sandbox.node import Node, Status
from edgeadm.sandbox.state import SandboxRecord, Store

Say = Callable[[str], None]
CONTROL_PLANE = "control-plane"
API_PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Kind:
    """Properties of new nodes of an `up`: the root image (`debian-12` …; empty: this host's release), whether
    it is bare, whether they use DHCP, and their second network interface (`card`, `uplink` or empty)."""

    image: str = ""
    bare: bool = False
    dhcp: bool = False
    second_card: str = ""


def silent(_: str) -> None:
    """Discards progress messages."""


@dataclass(frozen=True)
class Sandbox:
    """A sandbox by name; it need not exist yet."""

    name: str = "demo"
    store: Store = field(default_factory=Store)

    @property
    def folder(self) -> Path:
        return self.store.folder(self.name)

    @property
    def package_folder(self) -> Path:
        """The directory that nodes mount at /mnt/package."""
        return self.folder / "package"

    @property
    def ssh_key(self) -> Path:
        """The private SSH key for root of every node."""
        return self.folder / "ssh/id_ed25519"

    @property
    def record(self) -> SandboxRecord:
        """The sandbox's record. Raises NoSandboxError."""
        return self.store.load(self.name)

    @property
    def nodes(self) -> list[Node]:
        record = self.record
        return [Node(self.store, record, node) for node in record.nodes]

    def node(self, name: str) -> Node:
        """The node with this name. Raises NoSandboxError and NoSuchNodeError."""
        record = self.record
        return Node(self.store, record, record.node(name))

    def ls(self) -> list[Status]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(Node.status, self.nodes))

    def up(
        self,
        control_planes: int = 1,
        workers: int = 0,
        edges: int = 0,
        *,
        package: Path | None = None,
        executable: Path | None = None,
        kind: Kind = Kind(),
        detached: bool = False,
        say: Say = silent,
    ) -> list[Node]:
        """Boot all requested nodes, and existing ones that are off; they are ready when it returns.

        `executable` is edgeadm's own tree for the nodes, `package` the file at /mnt/package. `kind` applies
        to new nodes. A new sandbox that is `detached` has no route to this host. Raises RootImageError,
        UsageError for an unknown image.
        """
        wanted = names.wanted_nodes(control_planes, workers, edges)
        names.check_sandbox_name(self.name)
        with self.store.lock(self.name, "up"):
            kernel.prepare(self.store.base, say)
            base = image.root_image(self.store.images, say, kind.image, bare=kind.bare)
            record = self._record(detached).with_nodes(
                wanted, image=str(base), dhcp=kind.dhcp, second=kind.second_card
            )
            over = layer.make_layer(self.store.layers, executable, say)
            layer.show_package(self.package_folder, package)
            record = replace(record, image=str(base), layer=str(over))
            self.store.save(record)
            self.boot(record, say)
        return self.nodes

    def dhcp(self, *, on: bool) -> None:
        """Turn the DHCP server on or off; kept over power cycles of nodes."""
        with self.store.lock(self.name, f"dhcp {'on' if on else 'off'}"):
            record = self.record
            dhcp.switch_on(self.folder, on=on)
            dhcp.serve(record, self.folder) if on else dhcp.stop(self.name)

    def second_card(self, name: str, kind: str) -> None:
        """Add a second network interface (`card` or `uplink`) to a node, or remove it (empty); immediately if
        the node is on, and kept over power cycles. Raises NoSuchNodeError, and VmError for a virtual machine.
        """
        with self.store.lock(self.name, f"nic {name}"):
            before = self.node(name)
            if before.machine is not None:
                raise VmError(
                    f"node `{name}` is a virtual machine: its network interfaces are fixed",
                    hint=f"turn it back into a container first: edgeadm sandbox vm {name} --back",
                )
            if before.is_on() and before.record.second:
                execute(second.unplug(before.sandbox, before.record))
            record = before.sandbox.changed(name, second=kind)
            self.store.save(record)
            after = Node(self.store, record, record.node(name))
            if after.is_on():
                boot.write_network(after.folder, record, after.record)
                for argv in second.plug(record, after.record) if kind else []:
                    execute(argv).checked()

    def power(self, name: str, how: str) -> None:
        """Power a node `on` (ready when it returns), `off` (clean shutdown) or `kill` it (a power cut)."""
        with self.store.lock(self.name, f"power {name} {how}"):
            node = self.node(name)
            if how == "off":
                node.power_off()
            elif how == "kill":
                node.power_cut()
            else:
                self.switch_on(node)

    def forwarded_packets(self) -> int:
        """The number of packets of the sandbox that this host forwarded: 0, or the sandbox is not
        isolated."""
        return switch.forwarded_packets(self.name)

    def refused_packets(self) -> int:
        """The number of rejected packets to other networks."""
        return switch.refused_packets(self.name)

    def boot(self, record: SandboxRecord, say: Say = silent) -> None:
        """Boot every node of the record that is off, on a complete switch. The caller holds the lock."""
        cgroups.enable_controllers(cgroups.this_machine())
        self._raise_switch(record)
        self._boot(record, say)

    def switch_on(self, node: Node) -> None:
        """Power on a node; it is ready when it returns. The caller holds the lock."""
        record = node.sandbox
        self._raise_switch(record)
        if node.machine is None:
            node.prepare(self.lower(node), {})
        self._start(node)

    def _record(self, detached: bool) -> SandboxRecord:
        with self.store.everyone_waits():
            record = self.store.find(self.name)
            if record is None:
                number = names.free_number(self.store.numbers(), switch.routed_networks())
                record = SandboxRecord(self.name, number, detached=detached)
                self.store.save(record)
        return record

    def _raise_switch(self, record: SandboxRecord) -> None:
        """Create or repair the switch. Nodes on a lost switch have lost their links, so they are off
        afterwards."""
        if switch.raise_switch(record):
            for entry in record.nodes:
                Node(self.store, record, entry).power_cut()
        dhcp.serve(record, self.folder)

    def lower(self, node: Node) -> list[Path]:
        """The layers under a node's own disk, topmost first."""
        return [Path(node.sandbox.layer), Path(node.record.image or node.sandbox.image)]

    def _boot(self, record: SandboxRecord, say: Say) -> None:
        files = {
            "root/.ssh/authorized_keys": keys.public_key(self.ssh_key),
            "etc/resolv.conf": f"nameserver {record.gateway}\n",  # rejects all queries immediately
        }

        def boot(node: Node) -> None:
            if node.machine is None:
                prepare(node)
            if not node.is_on():
                say(f"{node.name}: booting, {node.ip}")
                self._start(node)

        def prepare(node: Node) -> None:
            lower = self.lower(node)
            own = dhcp.client_files(lower[-1]) if node.record.dhcp else {}
            node.prepare(lower, files | own)
            if node.record.dhcp:
                dhcp.enable_client(node.root, lower[-1])
            hostsfile.update(node.root / "etc/hosts", record)

        nodes = [Node(self.store, record, entry) for entry in record.nodes]
        first = [node for node in nodes if node.role == CONTROL_PLANE]
        with ThreadPoolExecutor(max(len(nodes), 1)) as pool:
            list(pool.map(boot, first))
            serving = [node for node in first if node.has_api_server()]
            if serving and len(first) < len(nodes):
                say("waiting for the API server")
                _wait_for_api(serving)
            list(pool.map(boot, [node for node in nodes if node not in first]))

    def _start(self, node: Node) -> None:
        if node.is_natted:
            node.nat(on=True)
        node.power_on(self.package_folder)
        node.wait_ready()


def _wait_for_api(nodes: list[Node]) -> None:
    """Return once the API server of one of the nodes is ready, or after a minute.

    Nodes that boot afterwards find it ready. If a kubelet on an edge node starts before the API server
    responds, lite-apiserver issues placeholder tokens to its Pods, which the API server rejects until the
    kubelet has replaced them, after about 100 seconds (decision 15)."""
    CLOCK.poll(lambda: any(node.serves_api() for node in nodes), API_PATIENCE, 0.3)
