import numpy as np
import pytest

from include.features.geography import CENTROIDS, country_code, distance_km


def km(a, b):
    return float(distance_km(*(np.array([country_code(name)], dtype=np.int16) for name in (a, b)))[0])


@pytest.mark.parametrize(
    ("a", "b", "about"), [("FR", "DE", 770), ("FR", "NZ", 19_000), ("US", "GB", 7_000), ("AU", "NZ", 4_000)]
)
def test_distances_are_about_right_and_symmetric(a, b, about):
    assert km(a, b) == pytest.approx(about, rel=0.1)
    assert km(a, b) == pytest.approx(km(b, a))


def test_same_and_unknown_countries():
    assert km("FR", "FR") == 0
    assert km("ZZ", "ZZ") == 0
    assert np.isnan(km("FR", "ZZ"))
    assert country_code("fr") == country_code("FRA") == country_code("") == -1


def test_there_are_all_countries():
    assert np.isfinite(CENTROIDS[:, 0]).sum() == 250  # ISO 3166-1 and Kosovo's XK
