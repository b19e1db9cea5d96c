"""Names that nobody chose: of instances and of the core node. Source: behaviour.md 10.4."""

import hashlib
import random as randomness
from typing import Final

from peppy.schema.names import InstanceId

_ADJECTIVES: Final = """
    able agile alert amber ample apt bold brave breezy bright brisk calm candid careful cheerful
    clever cosy crisp curious daring deft eager earnest even fair fleet fond frank fresh gentle
    glad golden graceful handy hardy honest humble jolly keen kind lively loyal lucid merry mellow
    mild neat nimble noble patient placid plucky polite proud quick quiet ready serene sharp
    spry steady sunny swift tidy trusty upbeat vivid warm wise witty zesty
    """

_SURNAMES: Final = """
    abel ampere archimedes avogadro babbage banach bernoulli boltzmann bohr boole born boyle
    brahe bunsen cantor carnot cauchy cavendish celsius chandrasekhar copernicus coulomb curie
    dalton darwin descartes dijkstra dirac doppler einstein euclid euler faraday fermat fermi
    feynman fourier franklin galileo galois gauss germain goedel hamilton hawking heisenberg hertz
    hilbert hooke hopper hubble huygens jacobi joule kelvin kepler kolmogorov kovalevskaya
    lagrange laplace leibniz lovelace mach maxwell meitner mendel mendeleev napier newton noether
    ohm pascal pasteur pauli planck poincare ramanujan riemann rutherford schroedinger shannon
    tesla turing volta watt weyl
    """

ADJECTIVES: Final = tuple(_ADJECTIVES.split())
SURNAMES: Final = tuple(_SURNAMES.split())


def generate_instance_id(random: randomness.Random) -> InstanceId:
    """Return an instance id such as `brisk-noether-0417`; who asks sees that it is free."""
    adjective, surname = random.choice(ADJECTIVES), random.choice(SURNAMES)
    return InstanceId(f"{adjective}-{surname}-{random.randrange(10_000):04}")


def core_node_name(machine_text: str) -> str:
    """Return the core node's name for a machine, the same one for the same text."""
    digest = hashlib.sha256(machine_text.encode(errors="surrogatepass")).digest()
    number = int.from_bytes(digest[:16], "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, surname = divmod(number, len(SURNAMES))
    return f"core-node-{ADJECTIVES[adjective]}-{SURNAMES[surname]}-{number % 10_000:04}"
