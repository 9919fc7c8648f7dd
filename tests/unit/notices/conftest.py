import pytest

from tests.unit.notices.notice_house import House


@pytest.fixture
def house() -> House:
    return House()
